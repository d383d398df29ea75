"""`keras-d3 export`: a trained run as a SavedModel, or its networks for other runtimes."""

from pathlib import Path

from keras_d3.cli.options import add_overwrite, add_run_dir, add_with_openvino, check_out
from keras_d3.settings import NETWORK_FORMATS

SAVED_MODEL = "saved_model"


def add_export(commands):
    """Adds the command."""
    command = commands.add_parser(
        "export",
        help="export a trained run as a SavedModel (waveform in, stems out; image in, labels out), or its "
        "networks alone",
    )
    add_run_dir(command)
    command.add_argument("--out", metavar="PATH", help="default: RUN/<format>")
    add_overwrite(command)
    command.add_argument(
        "--format",
        choices=(SAVED_MODEL, *NETWORK_FORMATS),
        default=SAVED_MODEL,
        help=f"{', '.join(NETWORK_FORMATS)}: a directory with one file per network (default: {SAVED_MODEL})",
    )
    add_with_openvino(command)
    command.add_argument(
        "--segment-samples",
        type=int,
        metavar="N",
        help="waveform networks: samples per window, if not those of the training; dilated networks get "
        "worse by longer ones, hence a warning",
    )
    command.set_defaults(run=_export)


def _export(options):
    from keras_d3.experiments import export_run, export_run_networks, export_segmentation_run, read_run

    run_dir = Path(options.run_dir)
    out = Path(options.out) if options.out else run_dir / options.format
    if read_run(run_dir)[0].data.kind == "images":
        if options.format != SAVED_MODEL or options.with_openvino:
            raise ValueError(
                "Segmenters are exported as SavedModels alone. Leave `--format` and `--with-openvino` out."
            )
        check_out(options, out)
        print(export_segmentation_run(run_dir, out))
        return
    if options.format == SAVED_MODEL:
        check_out(options, out)
        print(
            export_run(run_dir, out, openvino=options.with_openvino, segment_samples=options.segment_samples)
        )
        return
    for name, value in (
        ("--with-openvino", options.with_openvino or None),
        ("--segment-samples", options.segment_samples),
    ):
        if value is not None:
            raise ValueError(
                f"`{name}` belongs to `--format {SAVED_MODEL}`. "
                f"Received: --format {options.format}. Leave one of them out."
            )
    check_out(options, out)
    print(export_run_networks(run_dir, options.format, out))
