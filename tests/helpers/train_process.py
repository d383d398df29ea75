"""Trains small networks in a process of its own, as other backends, devices and processes need.

python -m tests.helpers.train_process RECORDS '[{"run": DIR, ...}, ...]', one training after the other. Prints
the history of each as a line of JSON. Keys: `train` (of `TrainingConfig`), `data` (of `AudioDataConfig`),
`spectrogram` (a target, for a spectrogram network), `logical_devices` (number of the processor's; in the
first), `linger_secs` (before the end), and arguments of `keras_d3.training.train`.
"""

import dataclasses
import json
import sys
import time

# The options that are no arguments of `train`.
OTHERS = ("run", "train", "data", "spectrogram", "logical_devices", "linger_secs")


def main(records, trainings):
    if count := trainings[0].get("logical_devices"):
        import tensorflow as tf

        processor = tf.config.list_physical_devices("CPU")[0]
        devices = [tf.config.LogicalDeviceConfiguration()] * count
        tf.config.set_logical_device_configuration(processor, devices)

    from keras_d3.training import train

    for options in trainings:
        arguments = {name: value for name, value in options.items() if name not in OTHERS}
        state = train(config_of(options), records, options["run"], verbose=0, **arguments)
        print(json.dumps(state.history), flush=True)
        time.sleep(options.get("linger_secs", 0))


def config_of(options):
    """Returns the config of the options."""
    from keras_d3.settings import Stage
    from tests.helpers.training_configs import spectrogram_config, waveform_config

    settings = dict(options.get("train", {}))
    if "stages" in settings:
        settings["stages"] = tuple(Stage(**stage) for stage in settings["stages"])
    target = options.get("spectrogram")
    config = spectrogram_config(target) if target else waveform_config()
    return dataclasses.replace(
        config,
        training=dataclasses.replace(config.training, **settings),
        data=dataclasses.replace(config.data, **options.get("data", {})),
    )


def command(arguments):
    """As a command of the recipes ends: with a line on errors, and not waiting for other processes."""
    from keras_d3.training import end_without_others
    from keras_d3.utils import run_reporting_errors

    records, trainings = arguments
    code = run_reporting_errors(main, records, json.loads(trainings))
    if code:
        end_without_others(code)
    return code


if __name__ == "__main__":
    sys.exit(command(sys.argv[1:]))
