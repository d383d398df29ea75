"""Argument checks, files, commits, machine facts and optional packages."""

from keras_d3.utils.beam import BeamRunner, add_beam_runner, beam_runner
from keras_d3.utils.code_checksum import code_version
from keras_d3.utils.command_line import run_reporting_errors
from keras_d3.utils.commit import current_commit
from keras_d3.utils.files import atomic_path, read_json, sha256_of_file, write_json
from keras_d3.utils.foreign_files import is_foreign, own_items
from keras_d3.utils.machine import num_cores, processor_name
from keras_d3.utils.optional_packages import optional_package
from keras_d3.utils.validation import (
    check_channels_known,
    check_channels_last,
    check_choice,
    check_compression,
    check_frames,
    check_int_tuple,
    check_positive_int,
)
from keras_d3.utils.work_shards import ALL_WORK, WorkShard, add_work_shard

__all__ = [
    "ALL_WORK",
    "BeamRunner",
    "WorkShard",
    "add_beam_runner",
    "add_work_shard",
    "atomic_path",
    "beam_runner",
    "check_channels_known",
    "check_channels_last",
    "check_choice",
    "check_compression",
    "check_frames",
    "check_int_tuple",
    "check_positive_int",
    "code_version",
    "current_commit",
    "is_foreign",
    "num_cores",
    "optional_package",
    "own_items",
    "processor_name",
    "read_json",
    "run_reporting_errors",
    "sha256_of_file",
    "write_json",
]
