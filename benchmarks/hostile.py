"""Inputs that somebody might send to do harm, or that a broken program might write; the same ones for the same seed."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import random
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image
from py7zr import SevenZipFile

TRAVERSAL = (
    "../evil.png",
    "/etc/evil.png",
    "C:\\evil.png",
    "..\\..\\evil.png",
    "cat/../../evil.png",
    "\\\\host\\share\\evil.png",
)
NAMES = (
    "![x](http://127.0.0.1:1/x.png)", "<img src=x onerror=alert(1)>", "<script>alert(1)</script>", ":red[big]", "$$\\infty$$", "# heading",
    "a\nb", "\ud800", "\x00", "\u202egnp.exe", "A" * 5000, "{{ 7*7 }}", "'; drop table runs; --", '" + __import__("os").system("id") + "',
    "<svg/onload=alert(1)>", '"><iframe src=//x>', ":material/delete:", "<!--", "&lt;b&gt;", "https://127.0.0.1/x", "a <b", "$x$ and $y$", "~~x~~", "\u2028", "\ufeff", "\U000e0041",
    "\u0301" * 200, "[link](javascript:alert(1))", "%s%n%x", "../../etc/passwd", "CON", "🙂" * 100, "\\", "```", "|a|b|", "-", "",
)  # fmt: skip
PAGES = ("start", "data", "lab", "see", "compare", "how_far", "diagnose", "runs", "learn")
QUERIES = (*NAMES, "0" * 32, "f" * 32, "9" * 300)


@dataclass(frozen=True)
class Hostile:
    """One input: what it is taken for, its file name and its content."""

    kind: str
    name: str
    content: bytes


def all_inputs(seed: int = 0) -> list[Hostile]:
    """Return every input, at least three hundred."""
    rng = random.Random(seed)
    makers = (_archives, _images, _histories, _weights, _experiments, _names, _queries)
    return [item for maker in makers for item in maker(rng)]


def picture(
    side: int = 40, colour: tuple[int, int, int] = (200, 60, 50), form: str = "PNG", **options: object
) -> bytes:
    """Return a small picture of one colour with some noise."""
    noise = np.random.default_rng(sum(colour)).integers(-20, 20, (side, side, 3))
    out = io.BytesIO()
    Image.fromarray(np.uint8(np.clip(np.array(colour) + noise, 0, 255))).save(out, form, **options)
    return out.getvalue()


def good_members() -> dict[str, bytes]:
    """Return two classes of four pictures each."""
    colours = {"cat": (200, 60, 50), "dog": (40, 90, 200)}
    return {f"{c}/{i}.png": picture(40 + i, colour) for c, colour in colours.items() for i in range(4)}


def seven(members: dict[str, bytes], password: str | None = None) -> bytes:
    """Return a 7z archive of these members."""
    out = io.BytesIO()
    with SevenZipFile(out, "w", password=password, header_encryption=password is not None) as archive:
        for name, content in members.items():
            archive.writestr(content, name)
    return out.getvalue()


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a ZIP of these members, whatever they are called."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return out.getvalue()


def damaged(content: bytes, rng: random.Random, n: int) -> Iterator[bytes]:
    """Yield copies that are cut short, have bytes changed, or have zeros in them."""
    for i in range(n):
        made = bytearray(content)
        at = rng.randrange(len(made))
        if i % 3 == 0:
            del made[at:]
        elif i % 3 == 1:
            for _ in range(20):
                made[rng.randrange(len(made))] = rng.randrange(256)
        else:
            made[at : at + 64] = bytes(min(64, len(made) - at))
        yield bytes(made)


# Archives ------------------------------------------------------------------------------------------------------------


def _archives(rng: random.Random) -> Iterator[Hostile]:
    good = good_members()
    for kind in (_zips, _sevens_and_tars, _odd_zips, _tables, _no_archives):
        yield from kind(good, rng)


def _zips(good: dict[str, bytes], rng: random.Random) -> Iterator[Hostile]:
    """ZIPs that lead out of their folder, are larger than they say, or hold too much."""
    for name in TRAVERSAL:
        yield Hostile("archive", "path.zip", zipped({**good, name: picture()}))
    yield Hostile("archive", "bomb.zip", zipped({**good, "cat/bomb.bmp": bytes(64 * 2**20)}))
    yield Hostile("archive", "many.zip", _directory(200_000))
    yield Hostile("archive", "deep.zip", zipped({**good, "/".join("d" * 300) + "/a.png": picture()}))
    yield Hostile("archive", "long.zip", zipped({**good, f"{'c' * 400}/a.png": picture()}))
    yield Hostile("archive", "classes.zip", zipped({f"{i:04}/a{j}.png": b"" for i in range(2000) for j in range(3)}))
    yield Hostile("archive", "file_and_folder.zip", zipped({**good, "cat/x": b"1", "cat/x/a.png": picture()}))
    yield Hostile("archive", "twice.zip", zipped(good) + zipped({"dog/9.png": picture()}))
    yield Hostile("archive", "nested.zip", zipped({"inner.zip": zipped({"inner.zip": zipped(good)})}))
    yield Hostile(
        "archive", "gigapixel.zip", zipped({**good, **{f"cat/g{i}.png": _png(8000, 8000) for i in range(120)}})
    )
    yield Hostile("archive", "link.zip", _link(good))


def _sevens_and_tars(good: dict[str, bytes], rng: random.Random) -> Iterator[Hostile]:
    """Other archives with the same, and members that are no files."""
    yield Hostile("archive", "bomb.7z", seven({"cat/zeros.bmp": bytes(64 * 2**20), "dog/zeros.bmp": bytes(64 * 2**20)}))
    yield Hostile("archive", "secret.7z", seven(good, "secret"))
    for i, content in enumerate(damaged(seven(good), rng, 12)):
        yield Hostile("archive", f"damaged{i}.7z", content)
    yield Hostile("archive", "link.tar", _tar(good, tarfile.SYMTYPE))
    yield Hostile("archive", "device.tar", _tar(good, tarfile.CHRTYPE))
    yield Hostile("archive", "hard.tar", _tar(good, tarfile.LNKTYPE))
    yield Hostile("archive", "bomb.tar.gz", gzip.compress(bytes(128 * 2**20), 1))
    yield Hostile("archive", "pickle.zip", zipped({**good, "model.pkl": pickle.dumps(print)}))
    for name in ("../evil.png", "/etc/evil.png", "C:/evil.png"):
        yield Hostile("archive", "path.tar", _tar(good, tarfile.REGTYPE, name))
    for kind, what in (
        (tarfile.FIFOTYPE, "pipe"),
        (tarfile.BLKTYPE, "disk"),
        (tarfile.DIRTYPE, "folder"),
        (b"Z", "unknown"),
    ):
        yield Hostile("archive", f"{what}.tar", _tar(good, kind))
    yield Hostile("archive", "sparse.tar", _sparse(good))
    yield Hostile("archive", "pax.tar", _pax(good))
    yield Hostile(
        "archive", "bomb.tar.xz", lzma.compress(_tar({"cat/0.bmp": bytes(96 * 2**20)}, tarfile.REGTYPE), preset=0)
    )
    yield Hostile("archive", "bomb.tar.bz2", bz2.compress(_tar({"cat/0.bmp": bytes(8 * 2**20)}, tarfile.REGTYPE), 1))
    yield Hostile("archive", "twice.tar.gz", gzip.compress(gzip.compress(_tar(good, tarfile.REGTYPE))))


def _odd_zips(good: dict[str, bytes], rng: random.Random) -> Iterator[Hostile]:
    """ZIPs that are packed, encrypted or measured oddly, and names that some system gives a meaning."""
    yield Hostile("archive", "overlap.zip", _overlapping(15_000))
    for method in (6, 9, 12, 14, 93, 95, 99):
        yield Hostile("archive", f"method{method}.zip", _with_method(zipped(good, zipfile.ZIP_STORED), method))
    yield Hostile("archive", "encrypted.zip", _with_flag(zipped(good), 0x1))
    yield Hostile("archive", "sizes.zip", _with_sizes(zipped(good), 1))
    yield Hostile("archive", "sizes4.zip", _with_sizes(zipped(good), 2**32 - 2))
    odd = (
        "CON/a.png",
        "NUL.png",
        "cat /a.png",
        "cat./a.png",
        "CAT/0.png",
        "cat/\x07.png",
        "cat/a:b.png",
        "cat/a\x00.png",
        "cat//a.png",
        "./cat/a.png",
        "cat/.",
        " /a.png",
        "~/a.png",
        "$HOME/a.png",
        "%TEMP%/a.png",
    )
    for name in odd:
        yield Hostile("archive", "odd.zip", zipped({**good, name: picture(33)}))
    yield Hostile(
        "archive",
        "markup.zip",
        zipped(
            {
                f"{mark}/{i}.png": picture(40 + i, c)
                for mark, c in (("<img src=x onerror=alert(1)>", (1, 99, 200)), ("![x](http:x)", (200, 99, 1)))
                for i in range(4)
            }
        ),
    )
    yield Hostile("archive", "folders.zip", zipped({f"{i}/": b"" for i in range(5000)}))


def _tables(good: dict[str, bytes], rng: random.Random) -> Iterator[Hostile]:
    """Tables and texts beside the pictures that are meant for whoever reads them."""
    tables = {
        "deep.json": b"[" * 200_000, "huge.csv": b"file,label\n" + b"a.png,cat\n" * 400_000, "formula.csv": b"file,label\ncat/0.png,=cmd()\n", "quotes.csv": b'"' * 200_000,
        "coco.json": b'{"images": [{"id": 1' + b"0" * 5000 + b', "file_name": "x"}], "annotations": [], "categories": []}', "nul.csv": b"file,label\x00\ncat/0.png,a\n",
        "array.npy": b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'fortran_order': False, 'shape': (1,), }" + bytes(99), "laughs.yaml": b"a: &a [x,x]\nb: &b [*a,*a]\n" * 9, "paths.csv": b"file,label\n../../../etc/passwd,cat\n/etc/passwd,dog\n",
    }  # fmt: skip
    for name, content in tables.items():
        yield Hostile("archive", f"table {name}.zip", zipped({**good, name: content}))


def _no_archives(good: dict[str, bytes], rng: random.Random) -> Iterator[Hostile]:
    """What is no archive, or is one no longer."""
    for i, content in enumerate(
        (
            b"",
            b"PK",
            b"\x00" * 1000,
            b"Rar!\x1a\x07\x00" + bytes(99),
            b"7z\xbc\xaf\x27\x1c" + bytes(99),
            rng.randbytes(5000),
        )
    ):
        yield Hostile("archive", f"none{i}.zip", content)
    for i, content in enumerate(damaged(zipped(good), rng, 36)):
        yield Hostile("archive", f"damaged{i}.zip", content)


def _directory(n: int) -> bytes:
    """Return a ZIP that lists so many empty members and stores one."""
    local = b"PK\x03\x04" + struct.pack("<HHHHHIIIHH", 20, 0, 0, 0, 33, 0, 0, 0, 1, 0) + b"a"
    entries = b"".join(
        b"PK\x01\x02"
        + struct.pack("<HHHHHHIIIHHHHHII", 20, 20, 0, 0, 0, 33, 0, 0, 0, len(name), 0, 0, 0, 0, 0, 0)
        + name
        for name in (f"c/{i}.png".encode() for i in range(n))
    )
    end64 = b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, n, n, len(entries), len(local))
    locator = b"PK\x06\x07" + struct.pack("<IQI", 0, len(local) + len(entries), 1)
    return (
        local
        + entries
        + end64
        + locator
        + b"PK\x05\x06"
        + struct.pack("<HHHHIIH", 0, 0, 65535, 65535, 2**32 - 1, 2**32 - 1, 0)
    )


def _link(good: dict[str, bytes]) -> bytes:
    out = io.BytesIO(zipped(good))
    with zipfile.ZipFile(out, "a") as archive:
        entry = zipfile.ZipInfo("cat/link.png")
        entry.external_attr = 0o120777 << 16
        archive.writestr(entry, "/etc/passwd")
    return out.getvalue()


def _tar(good: dict[str, bytes], kind: bytes, special_name: str = "cat/special.png") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in good.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        special = tarfile.TarInfo(special_name)
        special.type, special.linkname = kind, "/etc/passwd"
        archive.addfile(special)
    return out.getvalue()


def _sparse(good: dict[str, bytes]) -> bytes:
    """Return a tar with a file that says it has a terabyte of holes."""
    made = bytearray(_tar(good, tarfile.GNUTYPE_SPARSE))
    at = made.rfind(b"cat/special.png")
    made[at + 386 : at + 410] = b"%011o\0%011o\0" % (0, 0)
    made[at + 483 : at + 495] = b"\x80" + (2**40).to_bytes(11, "big")
    made[at + 148 : at + 156] = b" " * 8
    made[at + 148 : at + 156] = b"%06o\0 " % sum(made[at : at + 512])
    return bytes(made)


def _pax(good: dict[str, bytes]) -> bytes:
    """Return a tar whose names stand in headers of their own, one of them a megabyte long."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in {**good, "cat/" + "n" * 2**20 + ".png": picture()}.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.pax_headers = len(content), {"comment": "c" * 1000, "mtime": "-1e300"}
            archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def _overlapping(n: int) -> bytes:
    """Return a ZIP of which so many entries share one member that unpacks to a megabyte (Fifield, "A better zip bomb", 2019)."""
    content = zlib.compress(bytes(2**20), 9)[2:-4]
    crc = zlib.crc32(bytes(2**20))
    local = b"PK\x03\x04" + struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 33, crc, len(content), 2**20, 1, 0) + b"a" + content
    entry = struct.pack("<HHHHHHIIIHHHHHII", 20, 20, 0, 8, 0, 33, crc, len(content), 2**20, 9, 0, 0, 0, 0, 0, 0)
    entries = b"".join(b"PK\x01\x02" + entry + f"{i % 2}/{i:03}.bmp"[-9:].rjust(9, "0").encode() for i in range(n))
    return local + entries + b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, n, n, len(entries), len(local), 0)


def _headers(content: bytes) -> Iterator[tuple[int, int]]:
    """Yield where each header of a ZIP begins, and how far its fields lie behind those of a local one."""
    for magic, shift in ((b"PK\x03\x04", 0), (b"PK\x01\x02", 2)):
        at = content.find(magic)
        while at >= 0:
            yield at, shift
            at = content.find(magic, at + 4)


def _with_method(content: bytes, method: int) -> bytes:
    made = bytearray(content)
    for at, shift in _headers(content):
        made[at + 8 + shift : at + 10 + shift] = struct.pack("<H", method)
    return bytes(made)


def _with_flag(content: bytes, flag: int) -> bytes:
    made = bytearray(content)
    for at, shift in _headers(content):
        made[at + 6 + shift] |= flag
    return bytes(made)


def _with_sizes(content: bytes, size: int) -> bytes:
    made = bytearray(content)
    for at, shift in _headers(content):
        made[at + 22 + shift : at + 26 + shift] = struct.pack("<I", size)
    return bytes(made)


# Pictures ------------------------------------------------------------------------------------------------------------


@cache
def _png(width: int, height: int) -> bytes:
    """Return a PNG of one colour that is small on disk and large in memory."""
    press, body = zlib.compressobj(9), b""
    for _ in range(height):
        body += press.compress(bytes(1 + (width + 7) // 8))
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", body + press.flush()) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _with_size(jpeg: bytes, width: int, height: int) -> bytes:
    """Return a JPEG whose header says another size."""
    at = jpeg.find(b"\xff\xc0")
    return jpeg[: at + 5] + struct.pack(">HH", height, width) + jpeg[at + 9 :]


def _scans(n: int) -> bytes:
    """Return a progressive JPEG whose last scan is repeated, each costing a pass over the picture."""
    jpeg = picture(1500, form="JPEG", progressive=True, quality=5)
    at = jpeg.rfind(b"\xff\xda")
    return jpeg[:at] + n * jpeg[at:-2] + jpeg[-2:]


def _images(rng: random.Random) -> Iterator[Hostile]:
    jpeg = picture(form="JPEG")
    forms = {
        "png": picture(),
        "jpg": jpeg,
        "gif": picture(form="GIF"),
        "bmp": picture(form="BMP"),
        "webp": picture(form="WEBP"),
        "tif": picture(form="TIFF"),
    }
    yield Hostile("image", "large.png", _png(30_000, 30_000))
    yield Hostile("image", "wide.png", _png(60_000, 1))
    yield Hostile("image", "lies.jpg", _with_size(jpeg, 8000, 8000))
    yield Hostile("image", "huge.jpg", _with_size(jpeg, 65_000, 65_000))
    yield Hostile("image", "zero.jpg", _with_size(jpeg, 0, 0))
    yield Hostile("image", "scans.jpg", _scans(60))
    yield Hostile("image", "script.svg", b'<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>')
    yield Hostile("image", "ghost.jpg", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n(id) run")
    yield from (Hostile("image", name, content) for name, content in _odd_pictures().items())
    for i, content in enumerate((b"", b"\xff\xd8", b"\x89PNG\r\n\x1a\n", rng.randbytes(3000))):
        yield Hostile("image", f"none{i}.png", content)
    for suffix, content in forms.items():
        for i, made in enumerate(damaged(content, rng, 9)):
            yield Hostile("image", f"damaged{i}.{suffix}", made)


def _odd_pictures() -> dict[str, bytes]:
    """Return pictures with many frames, lying parts, or forms that few programs write."""
    from pi_heif import register_heif_opener

    register_heif_opener()
    jpeg, png = picture(form="JPEG"), picture()
    small = [Image.new("P", (8, 8), i % 256) for i in range(3000)]
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 77, "x" * 60_000
    profile = b"\x00" * 36 + b"acsp" + bytes(200_000)
    return {
        "frames.gif": _saved(small[0], "GIF", save_all=True, append_images=small[1:]),
        "frames.webp": _saved(small[0].convert("RGB"), "WEBP", save_all=True, append_images=[f.convert("RGB") for f in small[1:300]]),
        "frames.png": _saved(small[0].convert("RGB"), "PNG", save_all=True, append_images=[f.convert("RGB") for f in small[1:300]]),
        "pages.tif": _saved(small[0], "TIFF", save_all=True, append_images=small[1:200]),
        "screen.gif": b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0x80, 0, 0) + bytes(6) + b"\x2c" + struct.pack("<HHHHB", 0, 0, 65535, 65535, 0) + b"\x02\x02\x44\x01\x00\x3b",
        "black.webp": _saved(Image.new("RGB", (12_000, 12_000)), "WEBP", quality=0, method=0),
        "black.tif": _saved(Image.new("1", (30_000, 30_000)), "TIFF", compression="group4"),
        "huge.bmp": b"BM" + struct.pack("<IHHIIiiHHIIiiII", 154, 0, 0, 54, 40, 60_000, -60_000, 1, 24, 0, 100, 0, 0, 0, 0) + bytes(100),
        "small.avif": _saved(Image.new("RGB", (32, 32), "red"), "AVIF"),
        "cut.avif": _saved(Image.new("RGB", (32, 32), "red"), "AVIF")[:-40],
        "lies.avif": _saved(Image.new("RGB", (32, 32), "red"), "AVIF").replace(struct.pack(">II", 32, 32), struct.pack(">II", 60_000, 60_000)),
        "none.heic": struct.pack(">I", 24) + b"ftypheic" + bytes(12) + struct.pack(">I", 2**31) + b"meta" + bytes(99),
        "boxes.heic": struct.pack(">I", 24) + b"ftypheic" + bytes(12) + (struct.pack(">I", 8) + b"free") * 50_000,
        "text.png": png[:33] + _chunk(b"zTXt", b"k\x00\x00" + zlib.compress(bytes(128 * 2**20), 1)) + png[33:],
        "profile.png": png[:33] + _chunk(b"iCCP", b"k\x00\x00" + zlib.compress(bytes(64 * 2**20), 1)) + png[33:],
        "chunks.png": png[:33] + _chunk(b"tEXt", b"a\x00b") * 100_000 + png[33:],
        "palette.png": _saved(Image.new("P", (20, 20), 9), "PNG", transparency=bytes(range(255))),
        "deep.png": _saved(Image.fromarray(np.arange(400, dtype=np.uint16).reshape(20, 20) * 160), "PNG"),
        "nan.tif": _saved(Image.fromarray(np.full((20, 20), np.nan, np.float32)), "TIFF"),
        "infinite.tif": _saved(Image.fromarray(np.full((20, 20), np.inf, np.float32)), "TIFF"),
        "ink.jpg": _saved(Image.new("CMYK", (20, 20), (9, 200, 0, 0)), "JPEG"),
        "exif.jpg": _saved(Image.new("RGB", (20, 20)), "JPEG", exif=exif.tobytes()),
        "loop.jpg": jpeg[:2] + b"\xff\xe1\x00\x22Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x87\x69\x00\x04\x00\x00\x00\x01\x00\x00\x00\x08\x00\x00\x00\x08" + jpeg[2:],
        "profile.jpg": _saved(Image.new("RGB", (20, 20), "red"), "JPEG", icc_profile=profile),
        "thin.png": _saved(Image.new("RGB", (1, 20_000), "red"), "PNG"),
        "dot.png": _saved(Image.new("RGB", (1, 1), "red"), "PNG"),
        "icon.ico": _saved(Image.new("RGB", (16, 16), "red"), "ICO"),
        "laughs.svg": b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + b"".join(b'<!ENTITY a%d "%s">' % (i, b"&a%d;" % (i - 1) * 10) for i in range(1, 9)) + b"]><svg>&a8;</svg>",
    }  # fmt: skip


def _saved(image: Image.Image, form: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


# Histories -----------------------------------------------------------------------------------------------------------


def _histories(rng: random.Random) -> Iterator[Hostile]:
    csv = "epoch,loss,val_loss,accuracy,val_accuracy\n" + "".join(
        f"{i},{1 / i:.3f},{1.2 / i:.3f},0.{50 + i},0.{45 + i}\n" for i in range(1, 20)
    )
    texts = {
        "deep.json": "[" * 100_000, "deep2.json": '{"a":' * 50_000, "digits.json": '{"loss": [1' + "0" * 100_000 + "]}",
        "inf.json": '{"loss": [1e400, -1e400, 1]}', "nan.csv": "loss,val_loss\nnan,nan\n", "wide.csv": ",".join(f"c{i}" for i in range(20_000)) + "\n1",
        "tall.csv": "loss\n" + "1\n" * 300_000, "quotes.csv": '"' * 50_000, "nul.csv": "loss\x00\n1\x00\n", "one.csv": "x", "empty.csv": "", "space.txt": " \n" * 999,
        "html.csv": "<html><body>404</body></html>", "epochs.csv": "epoch,loss\n1e308,1\n-5,2\n", "same.csv": "loss,loss,loss\n1,2,3\n", "yaml.txt": "&a [*a, *a]",
        "regex.txt": "loss: " + "1." * 20_000, "regex2.txt": "Epoch " * 30_000, "escape.txt": "\x1b[" * 30_000, "formula.csv": "=cmd|'/c calc'!A1,loss\n1,2\n",
        "names.csv": ",".join(NAMES[:8]).replace("\n", " ").replace("\ud800", "") + "\n1,2,3,4,5,6,7,8\n", "lists.json": json.dumps({"loss": [[1], [2]], "val_loss": {"a": 1}}),
    }  # fmt: skip
    for name, text in texts.items():
        yield Hostile("history", name, text.encode("utf-8", "replace"))
    yield Hostile("history", "events.out.tfevents.1", struct.pack("<Q", 2**31 - 1) + bytes(71))
    yield Hostile("history", "events.out.tfevents.2", struct.pack("<Q", 2**63) + bytes(71))
    yield Hostile("history", "history.pkl", pickle.dumps({"loss": [1, 2]}))
    yield Hostile(
        "history",
        "history.npy",
        b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'fortran_order': False, 'shape': (1,), }" + bytes(99),
    )
    yield from (Hostile("history", name, content) for name, content in _odd_histories().items())
    yield Hostile("history", "large.csv", b"loss\n" + b"1.0\n" * 1_500_000)
    yield Hostile("history", "bomb.zip", zipped({"a.csv": bytes(64 * 2**20)}))
    yield Hostile("history", "utf16.csv", csv.encode("utf-16"))
    for i, made in enumerate(damaged(csv.encode(), rng, 30)):
        yield Hostile("history", f"damaged{i}.csv", made)


class _Runs:
    """Runs a command where it is unpickled."""

    def __reduce__(self) -> tuple:
        import os

        return os.system, ("touch thaw-was-here",)


def _odd_histories() -> dict[str, bytes]:
    """Return files of other programs, and files that would run something or grow."""
    table, objects = io.BytesIO(), io.BytesIO()
    np.savez_compressed(table, loss=np.zeros(8_000_000), val_loss=np.zeros(8_000_000))
    np.savez(objects, loss=np.array([_Runs()], dtype=object))
    laughs = "a0: &a0 [1,1,1,1,1,1,1,1,1]\n" + "".join(
        f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 10)
    )
    one = json.dumps({"loss": 1, "val_loss": 2})
    return {
        "table.npz": table.getvalue(), "objects.npz": objects.getvalue(), "runs.pkl": pickle.dumps(_Runs()), "runs.json": pickle.dumps(_Runs()), "old.pkl": b"cos\nsystem\n(S'id'\ntR.",
        "laughs.yaml": laughs.encode(), "tag.yaml": b"!!python/object/apply:os.system ['id']", "lines.jsonl": (one + "\n").encode() * 20_000, "broken.jsonl": (one + "\n{").encode() * 5000,
        "weird.json": b'{"loss": [-0.0, 1e-400, 1E+999, 0x10, "NaN", true, null, "1,5"]}', "text.json": json.dumps({"loss": ["\ud800"] * 50}).encode(), "same.json": b'{"loss": [1], "loss": [2, 3]}',
        "names.json": json.dumps({name: [1, 2, 3] for name in NAMES if name.isprintable()}).encode(), "keys.json": json.dumps({f"loss_{i}": [1, 2] for i in range(50_000)}).encode(),
        "book.xlsx": zipped({"[Content_Types].xml": b"<x/>", "xl/workbook.xml": b"<x/>", "xl/worksheets/sheet1.xml": b"<x>" * 100_000}), "columns.parquet": b"PAR1" + bytes(100) + b"PAR1",
        "model.keras": zipped({"config.json": json.dumps({"class_name": "Lambda", "config": {"function": "os.system"}}).encode(), "metadata.json": b"{}", "model.weights.h5": b""}),
        "nested.zip": zipped({"a.zip": zipped({"b.zip": zipped({"c.csv": b"loss,val_loss\n1,2\n"})})}), "path.zip": zipped({"../../a.csv": b"loss,val_loss\n1,2\n2,3\n"}),
        "line.log": b"Epoch 1/5 loss: 0.5 " * 100_000, "bars.log": b"\x08" * 500_000 + b"loss: 1\n", "returns.log": (b"1/10 loss: 1\r" * 200_000), "unicode.csv": "lоss,val_lоss\n١,٢\n٣,٤\n".encode(), "bom.csv": b"\xef\xbb\xbf\xef\xbb\xbfloss\n1\n",
        "utf32.csv": "loss,val_loss\n1,2\n".encode("utf-32"), "comma.csv": b"epoch;loss;val_loss\n1;0,5;0,6\n2;0,4;0,5\n", "same_epochs.csv": b"epoch,loss\n" + b"1,1\n" * 5000, "backwards.csv": b"epoch,loss\n" + b"".join(b"%d,1\n" % i for i in range(900, 0, -1)),
        "xml.csv": b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>', "state.json": json.dumps({"log_history": [{"loss": 1, "epoch": i, "step": -i} for i in range(5)] + [7, None, []]}).encode(),
    }  # fmt: skip


# Weights, experiments, names, addresses ------------------------------------------------------------------------------


def _weights(rng: random.Random) -> Iterator[Hostile]:
    import h5py

    out = io.BytesIO()
    with h5py.File(out, "w") as file:
        file["conv/kernel"] = np.zeros((3, 3, 3, 16), np.float32)
        file["conv/soft"] = h5py.SoftLink("/conv/soft")
        file["conv/out"] = h5py.ExternalLink("/etc/passwd", "/x")
    for name, content in (
        ("empty.h5", b""),
        ("text.h5", b"not at all"),
        ("small.h5", out.getvalue()),
        ("zip.h5", zipped(good_members())),
    ):
        yield Hostile("weights", name, content)
    yield from (Hostile("weights", name, content) for name, content in odd_weights().items())
    for i, made in enumerate(damaged(out.getvalue(), rng, 30)):
        yield Hostile("weights", f"damaged{i}.h5", made)


def odd_weights() -> dict[str, bytes]:
    """Return HDF5 files that reach for other files, that say they are large, or that hold programs."""
    import h5py

    def made(fill) -> bytes:
        out = io.BytesIO()
        with h5py.File(out, "w") as file:
            fill(file)
        return out.getvalue()

    layout = h5py.VirtualLayout((410_208,), np.float32)
    layout[:10] = h5py.VirtualSource("/etc/passwd", "x", (10,))

    def groups(file) -> None:
        for i in range(3000):
            file = file.create_group("g")
            file.attrs["config"] = f"<script>{i}</script>"

    arrays, keras = io.BytesIO(), {"config.json": json.dumps({"module": "keras.layers", "class_name": "Lambda", "config": {"function": {"class_name": "__lambda__", "config": {"code": "4w=="}}}}).encode(), "metadata.json": b"{}"}  # fmt: skip
    np.savez(arrays, a=np.zeros(410_208, np.float32))
    loop = made(lambda f: f.create_group("a").__setitem__("b", f))
    return {
        "virtual.h5": made(lambda f: f.create_virtual_dataset("w", layout)),
        "external.h5": made(lambda f: f.create_dataset("w", (410_208,), np.float32, external=[("/etc/passwd", 0, 4 * 410_208)])),
        "link.h5": made(lambda f: (f.create_dataset("w", data=np.zeros(410_208, np.float32)), f.__setitem__("x", h5py.ExternalLink("/etc/passwd", "/")))),
        "soft.h5": made(lambda f: f.__setitem__("w", h5py.SoftLink("/nowhere"))), "loop.h5": loop, "groups.h5": made(groups),
        "terabyte.h5": made(lambda f: f.create_dataset("w", (10**12,), np.float32, chunks=(10**6,), compression="gzip")),
        "zeros.h5": made(lambda f: f.create_dataset("w", data=np.zeros(8_000_000, np.float32), compression="gzip")),
        "texts.h5": made(lambda f: f.create_dataset("w", (410_208,), h5py.string_dtype(), chunks=(1000,))), "objects.h5": made(lambda f: f.create_dataset("w", (9,), h5py.ref_dtype)),
        "nan.h5": made(lambda f: f.create_dataset("w", data=np.full(410_208, np.nan, np.float32))), "records.h5": made(lambda f: f.create_dataset("w", (99,), np.dtype([("a", "i4"), ("b", "f8")]))),
        "lambda.keras": zipped({**keras, "model.weights.h5": made(lambda f: f.create_group("x"))}), "lambda.h5": made(lambda f: f.attrs.__setitem__("model_config", keras["config.json"])),
        "arrays.npz": arrays.getvalue(), "runs.h5": pickle.dumps(_Runs()), "runs.pt": zipped({"archive/data.pkl": pickle.dumps(_Runs())}), "many.h5": made(lambda f: [f.create_dataset(str(i), data=[1.0]) for i in range(5000)] and None),
    }  # fmt: skip


def _experiments(rng: random.Random) -> Iterator[Hostile]:
    from core.experiment import Experiment

    good = Experiment().to_json()
    texts = [
        '{"training": {"seed": 1' + 30 * "0" + "}}", '{"head": {"layers": [' + ",".join(100_000 * ['{"kind": "dropout"}']) + "]}}", "[" * 100_000,
        '{"backbone": {"weights": "file:/etc/passwd"}}', '{"data": {"source": "path:/etc"}}', '{"data": {"source": "upload:../../etc"}}', '{"a": 1}', "null", "",
        '{"training": {"learning_rate": 1e308}}', '{"training": {"learning_rate": -0.0}}', '{"training": {"learning_rate": 1e-400}}', '{"training": {"epochs": true}}', '{"training": {"epochs": "10"}}', '{"training": {"epochs": 0.5}}',
        '{"training": {"batch_size": -1}}', '{"training": {"batch_size": 1' + 5000 * "0" + "}}", '{"training": {"seed": -1}}', '{"training": {"optimizer": "__import__"}}', '{"training": {"epochs": 1}, "training": {"epochs": 2}}',
        '{"backbone": {"size": 1e9}}', '{"backbone": {"alpha": Infinity}}', '{"backbone": {"weights": "file:\\u0000"}}', '{"backbone": {"weights": "https://127.0.0.1/x.h5"}}', '{"backbone": {"weights": "file:///proc/self/environ"}}',
        '{"data": {"source": "folder:../../etc"}}', '{"data": {"source": "path:\\u0000"}}', '{"data": {"source": "\\ud800"}}', '{"data": {"classes": [' + ",".join(f'"{i}"' for i in range(100_000)) + "]}}",
        '{"data": {"edits": {"added": [{"file": "../../../../etc/passwd", "label": "x"}]}}}', '{"data": {"edits": {"labels": [' + ",".join(f'["{i}", "x"]' for i in range(100_000)) + "]}}}", '{"data": {"edits": {"labels": {"a": {"b": {}}}}}}',
        '{"data": {"source": "drawn:shapes", "drawn": {"n_images": 1e12, "n_classes": -5}}}', '{"data": {"validation_fraction": 2}}', '{"data": {"images_per_class": -3}}', '{"head": {"layers": [{"kind": "dense", "units": 1e9}]}}',
        '{"head": {"layers": [{"kind": "lambda", "function": "os.system"}]}}', '{"augmentation": {"steps": [{"kind": "rotation", "factor": 1e300}]}}', '{"earlier": [' + ",".join(["{}"] * 10_000) + "]}", '{"earlier": {"earlier": {}}}', '{"freeze": {"thawed": [-1, 999999, 1.5]}}',
        '"text"', "[]", "17", '{"training": [1]}', '{"training": null}', "{" * 50_000, "\x00", '{"\\u202e": 1}',
        '{"training": {"learning_rate": NaN}}', '{"training": {"epochs": 1e9}}', '{"freeze": {"thawed": [' + ",".join(map(str, range(100_000))) + "]}}",
    ]  # fmt: skip
    for i, text in enumerate(texts):
        yield Hostile("experiment", f"{i}.json", text.encode())
    yield Hostile("experiment", "utf16.json", good.encode("utf-16"))
    for i, made in enumerate(damaged(good.encode(), rng, 18)):
        yield Hostile("experiment", f"damaged{i}.json", made)


def _names(_rng: random.Random) -> Iterator[Hostile]:
    for name in NAMES:
        yield Hostile("name", "", name.encode("utf-8", "surrogatepass"))


def _queries(_rng: random.Random) -> Iterator[Hostile]:
    for value in QUERIES:
        yield Hostile("query", "lab", value.encode("utf-8", "replace"))
    for page in PAGES:
        for value in (
            NAMES[0],
            NAMES[1],
            NAMES[8],
            NAMES[11],
            NAMES[13],
            f"{'f' * 32},{'0' * 32}",
            "1e999",
            "../../etc",
        ):
            yield Hostile("query", page, value.encode("utf-8", "replace"))
