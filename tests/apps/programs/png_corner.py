"""Prints the colour of a PNG picture's first pixel, which no filter of the first line changes, in hexadecimal: png_corner.py FILE"""
import struct
import sys
import zlib

with open(sys.argv[1], "rb") as f:
    picture = f.read()
assert picture[:8] == b"\x89PNG\r\n\x1a\n", "no PNG picture"
at, data = 8, b""
while at < len(picture):
    length, kind = struct.unpack_from(">I4s", picture, at)
    if kind == b"IHDR":
        assert struct.unpack_from(">BB", picture, at + 16)[0] == 8, "not of 8 bits a colour"
    if kind == b"IDAT":
        data += picture[at + 8:at + 8 + length]
    at += 12 + length
print(zlib.decompress(data)[1:4].hex())
