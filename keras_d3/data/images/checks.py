"""Checks of image records against the settings, and the memory of their shuffle."""

from keras_d3.data.images.manifest import ImageManifest
from keras_d3.data.manifest import check_kind
from keras_d3.settings import ImageDataConfig


def check_image_records(manifest: ImageManifest, config: ImageDataConfig, split: str) -> None:
    """Raises ValueError if records of `split` cannot feed this config."""
    check_kind(manifest, "images")
    images = manifest.images(split)
    if manifest.classes != config.classes:
        raise ValueError(
            f"`classes` must be those of the records, {len(manifest.classes)} in `{manifest.directory}`: "
            f"{', '.join(manifest.classes)}. Received: classes={config.classes!r}. For your own classes: "
            "`--set 'data.classes=[\"A\", ...]' --set model.num_classes=N`."
        )
    if split != "train" and config.validation_size is not None:
        height, width = config.validation_size
        large = next((image for image in images if image.height > height or image.width > width), None)
        if large:
            raise ValueError(
                "`validation_size` must be at least the size of every image. Received: "
                f"validation_size={config.validation_size!r}; {large.name!r} has {large.height} x "
                f"{large.width}."
            )


def image_shuffle_bytes(manifest: ImageManifest, config: ImageDataConfig) -> int:
    """Returns the memory in bytes, about, that the shuffle of encoded training images takes."""
    shards = [shard for shard in manifest.shards if shard.split == "train"]
    num_images = sum(shard.num_records for shard in shards)
    return min(config.shuffle_images, num_images) * sum(shard.bytes for shard in shards) // num_images
