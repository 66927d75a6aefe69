"""Inputs that somebody might send to do harm, or that a broken program might write; the same ones for the same seed."""

import gzip
import io
import json
import pickle
import random
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

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
    "\u0301" * 200, "[link](javascript:alert(1))", "%s%n%x", "../../etc/passwd", "CON", "🙂" * 100, "\\", "```", "|a|b|", "-", "",
)  # fmt: skip
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
    yield Hostile("archive", "link.tar", _tar(good, tarfile.SYMTYPE))
    yield Hostile("archive", "device.tar", _tar(good, tarfile.CHRTYPE))
    yield Hostile("archive", "hard.tar", _tar(good, tarfile.LNKTYPE))
    yield Hostile("archive", "bomb.tar.gz", gzip.compress(bytes(128 * 2**20), 1))
    yield Hostile("archive", "pickle.zip", zipped({**good, "model.pkl": pickle.dumps(print)}))
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


def _tar(good: dict[str, bytes], kind: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in good.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        special = tarfile.TarInfo("cat/special.png")
        special.type, special.linkname = kind, "/etc/passwd"
        archive.addfile(special)
    return out.getvalue()


# Pictures ------------------------------------------------------------------------------------------------------------


def _png(width: int, height: int) -> bytes:
    """Return a PNG of one colour that is small on disk and large in memory."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    press, body = zlib.compressobj(9), b""
    for _ in range(height):
        body += press.compress(bytes(1 + (width + 7) // 8))
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body + press.flush()) + chunk(b"IEND", b"")


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
    for i, content in enumerate((b"", b"\xff\xd8", b"\x89PNG\r\n\x1a\n", rng.randbytes(3000))):
        yield Hostile("image", f"none{i}.png", content)
    for suffix, content in forms.items():
        for i, made in enumerate(damaged(content, rng, 9)):
            yield Hostile("image", f"damaged{i}.{suffix}", made)


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
    yield Hostile("history", "large.csv", b"loss\n" + b"1.0\n" * 1_500_000)
    yield Hostile("history", "bomb.zip", zipped({"a.csv": bytes(64 * 2**20)}))
    yield Hostile("history", "utf16.csv", csv.encode("utf-16"))
    for i, made in enumerate(damaged(csv.encode(), rng, 30)):
        yield Hostile("history", f"damaged{i}.csv", made)


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
    for i, made in enumerate(damaged(out.getvalue(), rng, 30)):
        yield Hostile("weights", f"damaged{i}.h5", made)


def _experiments(rng: random.Random) -> Iterator[Hostile]:
    from core.experiment import Experiment

    good = Experiment().to_json()
    texts = [
        '{"training": {"seed": 1' + 30 * "0" + "}}", '{"head": {"layers": [' + ",".join(100_000 * ['{"kind": "dropout"}']) + "]}}", "[" * 100_000,
        '{"backbone": {"weights": "file:/etc/passwd"}}', '{"data": {"source": "path:/etc"}}', '{"data": {"source": "upload:../../etc"}}', '{"a": 1}', "null", "",
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
        yield Hostile("query", "run", value.encode("utf-8", "replace"))
