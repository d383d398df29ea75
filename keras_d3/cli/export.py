"""`keras-d3 export`: a trained run as a SavedModel, or its networks for other runtimes."""

from pathlib import Path

from keras_d3.cli.options import (
    add_overwrite,
    add_run_dir,
    add_segmenter_settings,
    add_with_networks,
    check_out,
    segmenter_changes,
)
from keras_d3.settings import NETWORK_FORMATS

SAVED_MODEL = "saved_model"


def add_export(command):
    """Adds the options of the command."""
    add_run_dir(command)
    command.add_argument("--out", metavar="PATH", help="default: RUN/<format>")
    add_overwrite(command)
    command.add_argument(
        "--format",
        choices=(SAVED_MODEL, *NETWORK_FORMATS),
        default=SAVED_MODEL,
        help=f"{', '.join(NETWORK_FORMATS)}: a directory with one file per network (default: {SAVED_MODEL})",
    )
    add_with_networks(command)
    command.add_argument(
        "--segment-samples",
        type=int,
        metavar="N",
        help="waveform networks: samples per window, if not those of the training; dilated networks get "
        "worse by longer ones, hence a warning",
    )
    add_segmenter_settings(command.add_argument_group("segmenters", "in place of the run's settings"))
    command.set_defaults(run=_export)


def _export(options):
    from keras_d3.experiments import export_run, export_run_networks, export_segmentation_run
    from keras_d3.runs import Run

    run_dir = Path(options.run_dir)
    out = Path(options.out) if options.out else run_dir / options.format
    changes = segmenter_changes(options)
    if Run(run_dir).config.data.kind == "images":
        if options.format != SAVED_MODEL or options.with_openvino or options.with_onnx:
            raise ValueError(
                "Segmenters are exported as SavedModels alone. Leave `--format`, `--with-openvino` and "
                "`--with-onnx` out."
            )
        check_out(options, out)
        print(export_segmentation_run(run_dir, out, changes, options.overwrite))
        return
    if changes:
        raise ValueError(
            f"`{run_dir}` must be a run on images for {', '.join(f'`--{name}`' for name in changes)}. "
            "Received: a run on audio. Leave them out."
        )
    if options.format == SAVED_MODEL:
        check_out(options, out)
        path = export_run(
            run_dir,
            out,
            openvino=options.with_openvino,
            onnx=options.with_onnx,
            segment_samples=options.segment_samples,
            overwrite=options.overwrite,
        )
        print(path)
        return
    for name, value in (
        ("--with-openvino", options.with_openvino or None),
        ("--with-onnx", options.with_onnx or None),
        ("--segment-samples", options.segment_samples),
    ):
        if value is not None:
            raise ValueError(
                f"`{name}` belongs to `--format {SAVED_MODEL}`. "
                f"Received: --format {options.format}. Leave one of them out."
            )
    check_out(options, out)
    print(export_run_networks(run_dir, options.format, out, options.overwrite))
