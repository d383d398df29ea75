"""Pictures of any kind as RGB of 8 bits: the one decoder of training, scores and segmentation."""

import io
import warnings
import zlib

import numpy as np

from keras_d3.utils import optional_package

# Twice Pillow's limit of warnings, where it refuses: 13,377 x 13,377 pixels, half a gigabyte as RGB.
MAX_PIXELS = 178_956_970
# The EXIF tag of a camera that was held in another way, and its value for upright pictures.
ORIENTATION_TAG, UPRIGHT = 0x0112, 1
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N")


class UnreadableImageError(ValueError):
    """The bytes of a picture are broken, or none."""


def decode_image(data: bytes, name: str) -> np.ndarray:
    """Decodes a picture as a uint8 array (height, width, 3), RGB.

    - It is turned as its EXIF orientation says.
    - Gray becomes three equal channels, a palette its colors, CMYK and other color spaces RGB.
    - Samples of 16 bits (0 to 65535) keep their upper 8, as libpng and TensorFlow do.
    - What is transparent is laid on white: the colors below it are what an editor left there.
    - Of several pictures in a file (MPO, GIF, TIFF) the first counts.

    Args:
        data: bytes of an image file, any format of Pillow.
        name: str, what errors call it, such as its path.

    Raises:
        ValueError: it is no picture or a broken one, has more than `MAX_PIXELS` pixels, or has samples of
            32 bits or floats, whose range is not known.

    Example:

    >>> import io
    >>> import numpy as np
    >>> from PIL import Image
    >>> from keras_d3.images.decoding import decode_image
    >>> file = io.BytesIO()
    >>> Image.fromarray(np.array([[0, 256, 65535]], "uint16")).save(file, "PNG")
    >>> decode_image(file.getvalue(), "ramp.png")[0, :, 0].tolist()
    [0, 1, 255]
    """
    picture = open_picture(data, name)
    turned = _upright(picture)
    mode = turned.mode
    if mode in _SIXTEEN_BITS or mode == "I":
        return _upper_bits(np.asarray(turned), name)
    if mode == "F":
        raise ValueError(
            f"`{name}` must have samples of 8 or 16 bits. Received: floats (mode F), whose black and white "
            "are not known. Scale them to 0 to 255 and save the picture as PNG."
        )
    if turned.has_transparency_data:
        return _on_white(turned)
    return np.asarray(turned.convert("RGB"))


def open_picture(data: bytes, name: str):
    """Returns a loaded `PIL.Image.Image` of the bytes of an image file.

    Args:
        data, name: see `decode_image`.

    Raises:
        ValueError: it is no picture, broken or gigantic.
    """
    Image = optional_package("PIL.Image", "images", "Reading images")

    if _has_damaged_pixels(data):
        raise UnreadableImageError(_unreadable(name, "the checksum of its pixels is another"))
    try:
        with warnings.catch_warnings():
            # Pillow warns of large pictures, whose limit is below, and of odd metadata.
            warnings.simplefilter("ignore")
            picture = Image.open(io.BytesIO(data))
    except Image.DecompressionBombError:
        raise ValueError(_gigantic(name, "more")) from None
    # A broken file makes Pillow raise nearly anything: OSError, SyntaxError, struct.error, EOFError, ...
    except Exception as error:
        raise UnreadableImageError(_unreadable(name, error)) from error
    if picture.width * picture.height > MAX_PIXELS:
        raise ValueError(_gigantic(name, f"{picture.height} x {picture.width}"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture.load()
    except MemoryError:
        raise ValueError(
            f"`{name}` does not fit into memory. Cut it into tiles, or make it smaller."
        ) from None
    except Exception as error:
        raise UnreadableImageError(_unreadable(name, error)) from error
    return picture


def _has_damaged_pixels(data):
    """Whether a chunk of pixels of a PNG has another checksum than stands in it, which Pillow passes over."""
    if not data.startswith(PNG_SIGNATURE):
        return False
    view, place = memoryview(data), len(PNG_SIGNATURE)
    # A chunk: length, kind, content, checksum of kind and content.
    while place + 12 <= len(data):
        kind = bytes(view[place + 4 : place + 8])
        end = place + 8 + int.from_bytes(view[place : place + 4], "big")
        checksum = int.from_bytes(view[end : end + 4], "big")
        if kind == b"IDAT" and zlib.crc32(view[place + 4 : end]) != checksum:
            return True
        place = end + 4
    return False


def exif_orientation(picture) -> int:
    """Returns the EXIF orientation of a picture, 1 (upright) to 8; 1 where there is none that can be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            orientation = picture.getexif().get(ORIENTATION_TAG, UPRIGHT)
    except Exception:  # Broken metadata, in as many ways as broken pictures; the pixels are whole.
        return UPRIGHT
    return orientation if orientation in range(1, 9) else UPRIGHT


def _upright(picture):
    Image = optional_package("PIL.Image", "images", "Reading images")

    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
    turn = turns.get(exif_orientation(picture))
    if turn is None:
        return picture
    turned = picture.transpose(turn)
    if "transparency" in picture.info:
        turned.info["transparency"] = picture.info["transparency"]
    return turned


def _upper_bits(samples, name):
    if samples.min(initial=0) < 0 or samples.max(initial=0) > 65535:
        raise ValueError(
            f"`{name}` must have samples of 8 or 16 bits. Received: {samples.min()} to {samples.max()}, "
            "whose black and white are not known. Scale them to 0 to 255 and save the picture as PNG."
        )
    gray = (samples.astype("uint32") >> 8).astype("uint8")
    return np.repeat(gray[:, :, np.newaxis], 3, axis=2)


def _on_white(picture):
    Image = optional_package("PIL.Image", "images", "Reading images")

    layer = picture.convert("RGBA")
    page = Image.new("RGBA", layer.size, (255, 255, 255, 255))
    return np.asarray(Image.alpha_composite(page, layer).convert("RGB"))


def _unreadable(name, error):
    return (
        f"`{name}` must be an image file that Pillow reads ({_reason(error)}). It is broken or no image: "
        "fetch it again."
    )


def _reason(error):
    if type(error).__name__ == "UnidentifiedImageError":  # whose text names a buffer in memory
        return "it is of no format that Pillow knows"
    return str(error) or type(error).__name__


def _gigantic(name, size):
    return (
        f"`{name}` must have at most {MAX_PIXELS:,} pixels. Received: {size}. Cut it into tiles, or make it "
        "smaller."
    )
