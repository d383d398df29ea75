"""`keras-d3 models`: the presets, or one with its arguments."""

from keras_d3.presets import listed_presets, preset_named


def add_models(command):
    """Adds the options of the command."""
    command.add_argument("name", nargs="?", help="show one preset with its arguments")
    command.set_defaults(run=_models)


def _models(options):
    known = listed_presets()
    if options.name:
        preset_named(options.name, known)
        # The defaults of the arguments stand with the networks.
        from keras_d3.models import find_preset

        _show(find_preset(options.name))
        return
    known = known.values()
    width = max(len(preset.name) for preset in known)
    for preset in known:
        print(f"{preset.name:{width}}  {preset.task:11}  {preset.parameters:>11,}  {preset.description}")


def _show(preset):
    print(f"{preset.name}: {preset.description}")
    print(f"  paper       {preset.paper}")
    print(f"  parameters  {preset.parameters:,}")
    print(f"  task        {preset.task}")
    if preset.sample_rate_hz:
        print(f"  sample rate {preset.sample_rate_hz} Hz")
    if preset.normalization:
        print(f"  input       {preset.normalization}")
    for key, value in preset.merged_arguments().items():
        print(f"  {key} = {value!r}")
