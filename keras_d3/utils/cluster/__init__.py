"""Work that is divided among machines: parts of it for arrays of jobs, or Apache Beam."""

from keras_d3.utils.cluster.beam import BeamRunner, add_beam_runner, beam_runner
from keras_d3.utils.cluster.claims import claim_json
from keras_d3.utils.cluster.work_shards import ALL_WORK, WorkShard, add_work_shard

__all__ = [
    "ALL_WORK",
    "BeamRunner",
    "WorkShard",
    "add_beam_runner",
    "add_work_shard",
    "beam_runner",
    "claim_json",
]
