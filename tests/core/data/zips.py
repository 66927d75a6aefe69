"""Archives for the tests, the hostile ones included."""

import io
import struct
import zipfile
import zlib
from pathlib import Path

ENCRYPTED = 0x1


def zip_bytes(members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a ZIP with these members, whatever their names are."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, compression)
    return out.getvalue()


def zip_folder(folder: Path, prefix: str = "") -> dict[str, bytes]:
    """Return a folder's files as members."""
    return {prefix + p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def marked(content: bytes, bit: int) -> bytes:
    """Set a flag bit in every header of a ZIP, as an encrypted one has it."""
    changed = bytearray(content)
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = changed.find(signature)
        while at >= 0:
            changed[at + offset] |= bit
            at = changed.find(signature, at + 4)
    return bytes(changed)


def bomb(members: int, megabytes: int) -> bytes:
    """Return a true bomb: so many members, each unpacking to so many megabytes of zeros, compressed once and repeated."""
    size = megabytes * 2**20
    press, check = zlib.compressobj(1, zlib.DEFLATED, -15), 0
    block, body = bytes(2**20), b""
    for _ in range(megabytes):
        body += press.compress(block)
        check = zlib.crc32(block, check)
    body += press.flush()
    out, directory = bytearray(), bytearray()
    for i in range(members):
        name = f"cat/{i:05}.bmp".encode()
        facts = struct.pack("<HHHHHIII", 20, 0, 8, 0, 0x21, check, len(body), size)
        tail = struct.pack("<HH", len(name), 0)
        directory += b"PK\x01\x02\x14\x00" + facts + tail + struct.pack("<HHHII", 0, 0, 0, 0, len(out)) + name
        out += b"PK\x03\x04" + facts + tail + name + body
    end = struct.pack("<HHHHIIH", 0, 0, members, members, len(directory), len(out), 0)
    return bytes(out + directory + b"PK\x05\x06" + end)
