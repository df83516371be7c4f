"""Writes small PNG files of every kind and the pixels that Pillow reads in them, for RasterPixelsTest.java.

Transparent parts are black; greys of 16 bits are rounded to 8. Run by hand, in an environment with numpy and Pillow:

    python tests/golden/decoded_images.py java/src/test/resources/golden/images.json
"""

import base64
import io
import json
import struct
import sys
import zlib

import numpy as np
import PIL
from PIL import Image

HEIGHT, WIDTH = 5, 7
GREY, COLOUR, PALETTE, GREY_ALPHA, COLOUR_ALPHA = 0, 2, 3, 4, 6
SAMPLES = {GREY: 1, COLOUR: 3, PALETTE: 1, GREY_ALPHA: 2, COLOUR_ALPHA: 4}


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(kind, bits, extra=b""):
    """A PNG file whose samples run through all values of their bits."""
    count = HEIGHT * WIDTH * SAMPLES[kind]
    most = 2**bits - 1 if kind != PALETTE else min(2**bits - 1, 15)
    samples = (np.arange(count) * 40503 % 65536).astype(np.int64) * (most + 1) >> 16
    lines = b""
    for row in samples.reshape(HEIGHT, -1):
        if bits == 16:
            packed = row.astype(">u2").tobytes()
        elif bits == 8:
            packed = row.astype(np.uint8).tobytes()
        else:
            text = "".join(f"{v:0{bits}b}" for v in row)
            text += "0" * (-len(text) % 8)
            packed = bytes(int(text[i : i + 8], 2) for i in range(0, len(text), 8))
        lines += b"\0" + packed
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, bits, kind, 0, 0, 0)
    body = chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def palette(transparency=b""):
    colours = bytes((i * 53 + c * 91) % 256 for i in range(16) for c in range(3))
    return chunk(b"PLTE", colours) + (chunk(b"tRNS", transparency) if transparency else b"")


def decoded(data):
    """The pixels (channels, height, width) of a file, uint8."""
    image = Image.open(io.BytesIO(data))
    if image.mode.startswith("I"):
        return np.rint(np.asarray(image, np.float32) / np.float32(65535) * 255).astype(np.uint8)[None]
    if image.has_transparency_data:
        image = image.convert("RGBA")
        black = Image.new("RGB", image.size)
        black.paste(image.convert("RGB"), mask=image.getchannel("A"))
        image = black
    pixels = np.asarray(image.convert("RGB")).transpose(2, 0, 1)
    # Pillow has no greys of 16 bits with transparency, and makes colours of them
    return pixels[:1] if (pixels == pixels[0]).all() else pixels


def main():
    """Writes the file."""
    files = {f"grey {bits}": png(GREY, bits) for bits in (1, 2, 4, 8, 16)}
    files |= {f"grey and alpha {bits}": png(GREY_ALPHA, bits) for bits in (8, 16)}
    files |= {f"colour {bits}": png(COLOUR, bits) for bits in (8, 16)}
    files |= {f"colour and alpha {bits}": png(COLOUR_ALPHA, bits) for bits in (8, 16)}
    files |= {f"palette {bits}": png(PALETTE, bits, palette()) for bits in (1, 2, 4, 8)}
    files["palette and alpha"] = png(PALETTE, 8, palette(bytes(range(0, 256, 20))))
    cases = []
    for name, data in files.items():
        pixels = decoded(data)
        cases.append(
            {
                "name": name,
                "png": base64.b64encode(data).decode(),
                "shape": list(pixels.shape),
                "pixels": base64.b64encode(np.ascontiguousarray(pixels).tobytes()).decode(),
            }
        )
    lines = ",\n".join(json.dumps(case) for case in cases)
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        file.write(f'{{"versions": {{"pillow": "{PIL.__version__}"}}, "images": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
