"""Trains the small Wave-U-Net in a process of its own and prints the history as JSON.

python -m tests.helpers.train_process RECORDS RUN_DIR OPTIONS, where OPTIONS is JSON: `train` (arguments of
`TrainingConfig`), `data` (changes of `AudioDataConfig`), `spectrogram` (a target, for a spectrogram network),
`logical_devices` (number of the processor's), and arguments of `keras_d3.training.train`.
"""

import dataclasses
import json
import sys

# The options that make the config; the others are arguments of `train`.
CONFIG = ("train", "data", "spectrogram")


def main(records, run_dir, options):
    logical_devices = options.pop("logical_devices", None)
    if logical_devices:
        import tensorflow as tf

        cpu = tf.config.list_physical_devices("CPU")[0]
        device = tf.config.LogicalDeviceConfiguration()
        tf.config.set_logical_device_configuration(cpu, [device] * logical_devices)

    from keras_d3.training import train

    config = config_of(options)
    arguments = {name: value for name, value in options.items() if name not in CONFIG}
    state = train(config, records, run_dir, verbose=0, **arguments)
    print(json.dumps(state.history))


def config_of(options):
    """Returns the config of the options."""
    from keras_d3.settings import Stage
    from tests.helpers.training_configs import spectrogram_config, waveform_config

    settings = dict(options.get("train", {}))
    if "stages" in settings:
        settings["stages"] = tuple(Stage(*stage) for stage in settings["stages"])
    target = options.get("spectrogram")
    config = spectrogram_config(target) if target else waveform_config(**settings)
    # Two readers and no shuffle: batches of two processes then have the examples of those of one.
    data = {"shuffle_excerpts": 1, "parallel_tracks": 2, "gain_range": None, **options.get("data", {})}
    return dataclasses.replace(config, data=dataclasses.replace(config.data, **data))


def command(arguments):
    """As a command of the recipes ends: with a line on errors, and not waiting for other processes."""
    from keras_d3.training import end_without_others
    from keras_d3.utils import run_reporting_errors

    records, run_dir, options = arguments
    code = run_reporting_errors(main, records, run_dir, json.loads(options))
    if code:
        end_without_others(code)
    return code


if __name__ == "__main__":
    sys.exit(command(sys.argv[1:]))
