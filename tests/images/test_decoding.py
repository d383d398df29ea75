"""Pictures as cameras, scanners and disks leave them: read right, or refused with the reason."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from keras_d3.images import decode_image, decoding, exif_orientation, open_picture
from keras_d3.images.files import read_image

GRADIENT = np.arange(256, dtype="uint8").reshape(16, 16)
PICTURE = np.stack([GRADIENT, GRADIENT.T, 255 - GRADIENT], axis=-1)


def encoded(picture, kind="PNG", **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_keep_their_upper_half(kind):
    ramp = np.linspace(0, 65535, 16 * 40).astype("uint16").reshape(16, 40)
    pixels = decode_image(encoded(Image.fromarray(ramp), kind), "ramp")
    np.testing.assert_array_equal(pixels, np.repeat((ramp // 256)[..., np.newaxis], 3, axis=2))


def test_samples_of_unknown_range_are_refused():
    for samples, shown in (
        (np.full((4, 4), 0.5, "float32"), "floats"),
        (np.full((4, 4), 70000, "int32"), "70000"),
    ):
        with pytest.raises(
            ValueError, match=f"`deep.tif` must have samples of 8 or 16 bits. Received: .*{shown}"
        ):
            decode_image(encoded(Image.fromarray(samples), "TIFF"), "deep.tif")


@pytest.mark.parametrize("mode", ["1", "L", "P", "YCbCr"])
def test_color_modes(mode):
    picture = Image.fromarray(PICTURE).convert(mode)
    expected = np.asarray(picture.convert("RGB"))
    kind = "TIFF" if mode == "YCbCr" else "PNG"
    np.testing.assert_array_equal(decode_image(encoded(picture, kind), "x"), expected)


def test_cmyk():
    cmyk = np.zeros((8, 8, 4), "uint8")
    cmyk[:4, :, 1] = 255  # magenta
    pixels = decode_image(encoded(Image.fromarray(cmyk, "CMYK"), "TIFF"), "x")
    assert pixels[0, 0].tolist() == [255, 0, 255] and pixels[7, 0].tolist() == [255, 255, 255]
    pixels = decode_image(encoded(Image.fromarray(cmyk, "CMYK"), "JPEG", quality=95), "x")
    assert abs(pixels[0, 0].astype(int) - [255, 0, 255]).max() < 8


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_pixels_are_white(mode):
    if mode == "P":
        picture = Image.fromarray(np.array([[0, 1]], "uint8"))
        picture.putpalette([10, 20, 30, 40, 50, 60])
        data = encoded(picture, transparency=1)
        assert decode_image(data, "x").tolist() == [[[10, 20, 30], [255, 255, 255]]]
        return
    layer = np.full((1, 3, 4 if mode == "RGBA" else 2), 100, "uint8")
    layer[0, :, -1] = 255, 0, 51
    pixels = decode_image(encoded(Image.fromarray(layer, mode)), "x")
    assert pixels[0, :, 0].tolist() == [100, 255, 224]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_is_undone(orientation, tmp_path):
    """Stored as a camera does: the tag says how to turn it back."""
    from PIL import ImageOps

    exif = Image.Exif()
    exif[0x0112] = orientation
    (tmp_path / "x.png").write_bytes(encoded(Image.fromarray(PICTURE[:, :9]), exif=exif))
    with Image.open(tmp_path / "x.png") as picture:
        expected = np.asarray(ImageOps.exif_transpose(picture))
        assert exif_orientation(picture) == orientation
    np.testing.assert_array_equal(read_image(tmp_path / "x.png"), expected)
    assert (read_image(tmp_path / "x.png").shape[0] == 9) == (orientation > 4)


def test_broken_exif_does_not_matter():
    plain = encoded(Image.fromarray(PICTURE))
    data = encoded(Image.fromarray(PICTURE), exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    np.testing.assert_array_equal(decode_image(data, "x"), decode_image(plain, "x"))


def test_several_pictures_in_a_file():
    """Phones write MPO: two JPEG one after the other, under the name .jpg."""
    first, second = Image.fromarray(PICTURE), Image.fromarray(255 - PICTURE)
    data = encoded(first, "MPO", save_all=True, append_images=[second])
    assert open_picture(data, "x").format == "MPO"
    np.testing.assert_array_equal(decode_image(data, "x"), decode_image(encoded(first, "JPEG"), "x"))


def broken_chunk():
    """A second IDAT whose type is garbage: Pillow raises SyntaxError."""
    rng = np.random.default_rng(0)
    data = encoded(Image.fromarray(rng.integers(0, 256, (200, 200, 3), dtype="uint8")))
    second = data.index(b"IDAT", data.index(b"IDAT") + 4)
    return data[:second] + b"\0\1\2\3" + data[second + 4 :]


def short_header():
    body = b"IHDR" + b"\0" * 5
    chunk = struct.pack(">I", 5) + body + struct.pack(">I", zlib.crc32(body))
    return b"\x89PNG\r\n\x1a\n" + chunk + b"\0" * 30


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>404</html>",
        broken_chunk(),
        short_header(),
        encoded(Image.fromarray(PICTURE))[:60],
        b"II*\0" * 9,
    ],
    ids=["empty", "page", "chunk", "header", "cut", "tiff"],
)
def test_broken_files_are_named(data, tmp_path):
    (tmp_path / "bad.png").write_bytes(data)
    with pytest.raises(ValueError, match="bad.png` must be an image file that Pillow reads .*fetch it again"):
        read_image(tmp_path / "bad.png")
    with pytest.raises(ValueError, match="must be an image file that Pillow reads .it is a folder"):
        read_image(tmp_path)


def test_gigantic_pictures(monkeypatch):
    body = b"IHDR" + struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    data += struct.pack(">I", 0) + b"IEND" + struct.pack(">I", zlib.crc32(b"IEND"))
    with pytest.raises(ValueError, match="`big.png` must have at most 178,956,970 pixels.*tiles"):
        decode_image(data, "big.png")
    monkeypatch.setattr(decoding, "MAX_PIXELS", 200)
    with pytest.raises(ValueError, match="at most 200 pixels. Received: 16 x 16"):
        decode_image(encoded(Image.fromarray(PICTURE)), "big.png")
    # Between Pillow's warning and the limit: read without a word.
    monkeypatch.setattr(decoding, "MAX_PIXELS", 400)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 200)
    assert decode_image(encoded(Image.fromarray(PICTURE)), "big.png").shape == (16, 16, 3)


def test_no_byte_of_a_png_changes_its_pixels_without_a_word():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (5, 7, 3), dtype="uint8")
    whole = encoded(Image.fromarray(pixels))
    num_refused = 0
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << rng.integers(8)
        try:
            found = decode_image(bytes(damaged), "picture.png")
        except ValueError:
            num_refused += 1
        else:
            np.testing.assert_array_equal(found, pixels)
    assert num_refused > len(whole) // 2
    start = whole.index(b"IDAT")
    damaged = bytearray(whole)
    damaged[start + 20] ^= 1
    with pytest.raises(ValueError, match="`picture.png` must be .*the checksum of its pixels is another"):
        decode_image(bytes(damaged), "picture.png")
