"""What a record of an image must be, by the manifest."""

from collections.abc import Sequence

from keras_d3.data.images.manifest import ImageItem, ImageManifest
from keras_d3.data.images.schema import read_image


def image_index(image: int, record: int) -> int:
    """Returns the number of an image, which its one record holds."""
    return image


def check_image(
    manifest: ImageManifest, images: Sequence[ImageItem], data: bytes, expected: int | None
) -> None:
    """Raises ValueError if a record is not image number `expected`, or has another size or labels."""
    record = read_image(data)
    if expected is None or record["image"] != expected:
        raise ValueError(f"image {record['image']} is out of order.")
    image = images[expected]
    size = (record["image_height"], record["image_width"])
    if record["image_name"] != image.name or size != (image.height, image.width):
        raise ValueError(f"it belongs to {record['image_name']!r}, not {image.name!r}.")
    for name in ("pixels", "label"):
        if record[name].shape[:2] != size:
            raise ValueError(f"`{name}` of {image.name!r} has the size {record[name].shape[:2]}, not {size}.")
    classes = set(record["label"].ravel().tolist()) - {manifest.ignored_label}
    if classes and max(classes) >= len(manifest.classes):
        raise ValueError(
            f"`label` of {image.name!r} holds {max(classes)}, not 0 to {len(manifest.classes) - 1}."
        )
