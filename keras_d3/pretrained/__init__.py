"""Weights that authors publish: their table, downloads, the cache, and models by name. No TensorFlow."""

from keras_d3.pretrained.catalog import (
    TABLE_VARIABLE,
    PublishedModel,
    find_published_model,
    published_models,
)
from keras_d3.pretrained.downloads import FileRecord, check_kind_of_file, fetch_file
from keras_d3.pretrained.hub import hub_directory
from keras_d3.pretrained.model_cache import CACHE_VARIABLE, ModelCache, cache_dir
from keras_d3.pretrained.resolving import DEFAULTS, find_model

__all__ = [
    "CACHE_VARIABLE",
    "DEFAULTS",
    "FileRecord",
    "ModelCache",
    "PublishedModel",
    "TABLE_VARIABLE",
    "cache_dir",
    "check_kind_of_file",
    "fetch_file",
    "find_model",
    "find_published_model",
    "hub_directory",
    "published_models",
]
