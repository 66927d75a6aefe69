"""Every promised format and mode comes out as upright RGB of the right values; what cannot be used is named with its reason."""

import io
import os
import struct
import subprocess
import sys
import threading
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from core import data
from core.data import decode
from core.data.decode import MAX_PIXELS, UnusableImage, check_file, read_picture
from core.errors import DataError, StorageError
from core.experiment import DataSpec
from tests.isolation import with_small_disk

ROOT = Path(__file__).resolve().parents[3]
LOSSLESS = {"png": {}, "bmp": {}, "tiff": {}, "webp": {"lossless": True}}
LOSSY = {"jpg": {"quality": 95}, "webp": {"quality": 95}}


@pytest.fixture
def photo() -> np.ndarray:
    """Return a smooth picture of 32×20 pixels whose corners differ."""
    y, x = np.mgrid[0:20, 0:32]
    return np.uint8(np.stack([x * 8, y * 12, 255 - x * 4 - y * 4], -1))


def saved(folder: Path, image: Image.Image, suffix: str, **options: object) -> Path:
    path = folder / f"picture.{suffix}"
    image.save(path, **options)
    return path


def close(a: np.ndarray, b: np.ndarray, within: float) -> bool:
    assert a.shape == b.shape
    assert a.dtype == np.uint8
    return float(np.abs(a.astype(int) - b.astype(int)).mean()) <= within


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_lossless_formats_keep_every_value(suffix: str, photo: np.ndarray, tmp_path: Path) -> None:
    path = saved(tmp_path, Image.fromarray(photo), suffix, **LOSSLESS[suffix])
    assert np.array_equal(read_picture(path), photo)
    assert check_file(path) == (32, 20)


@pytest.mark.parametrize("suffix", LOSSY)
def test_lossy_formats_come_close(suffix: str, photo: np.ndarray, tmp_path: Path) -> None:
    assert close(read_picture(saved(tmp_path, Image.fromarray(photo), suffix, **LOSSY[suffix])), photo, 4)


def test_the_suffix_does_not_matter(photo: np.ndarray, tmp_path: Path) -> None:
    path = saved(tmp_path, Image.fromarray(photo), "png")
    path.rename(tmp_path / "wrong.jpg")
    assert np.array_equal(read_picture(tmp_path / "wrong.jpg"), photo)


@pytest.mark.parametrize("suffix", ["gif", "webp", "tiff", "png"])
def test_of_moving_pictures_the_first_frame(suffix: str, tmp_path: Path) -> None:
    frames = [Image.new("RGB", (9, 9), c) for c in ("red", "blue", "green")]
    options = {"lossless": True} if suffix == "webp" else {}
    path = saved(tmp_path, frames[0], suffix, save_all=True, append_images=frames[1:], **options)
    assert np.array_equal(read_picture(path)[4, 4], [255, 0, 0])


def test_grey(photo: np.ndarray, tmp_path: Path) -> None:
    grey = photo[..., 0]
    assert np.array_equal(read_picture(saved(tmp_path, Image.fromarray(grey), "png")), np.repeat(grey[..., None], 3, 2))


def test_black_and_white(tmp_path: Path) -> None:
    image = Image.fromarray(np.eye(16, dtype=bool))
    assert np.array_equal(read_picture(saved(tmp_path, image, "png"))[..., 1], 255 * np.eye(16, dtype=np.uint8))


@pytest.mark.parametrize("suffix", ["png", "gif", "bmp", "tiff"])
def test_palette(suffix: str, tmp_path: Path) -> None:
    image = Image.new("P", (6, 4), 1)
    image.putpalette([0, 0, 0, 12, 200, 99, 255, 255, 255])
    image.putpixel((0, 0), 2)
    out = read_picture(saved(tmp_path, image, suffix))
    assert np.array_equal(out[2, 2], [12, 200, 99])
    assert np.array_equal(out[0, 0], [255, 255, 255])


@pytest.mark.parametrize("suffix", ["jpg", "tiff"])
def test_cmyk(suffix: str, tmp_path: Path) -> None:
    image = Image.new("CMYK", (16, 16), (0, 255, 255, 0))  # magenta and yellow: red
    out = read_picture(saved(tmp_path, image, suffix))
    assert out.shape == (16, 16, 3)
    assert out[8, 8, 0] > 240
    assert out[8, 8, 1:].max() < 15


@pytest.mark.parametrize("suffix", ["png", "tiff"])
@pytest.mark.parametrize("top", [65535, 255])
def test_sixteen_bit_grey_is_scaled_to_eight(top: int, suffix: str, tmp_path: Path) -> None:
    """A dark 16-bit picture stays dark: its values are not taken for 8-bit ones."""
    values = np.uint16(np.linspace(0, top, 64).reshape(8, 8))
    out = read_picture(saved(tmp_path, Image.fromarray(values), suffix))
    assert np.array_equal(out[..., 0], np.uint8(np.round(values / 65535 * 255)))
    assert np.array_equal(out[..., 0], out[..., 2])


def test_sixteen_bit_colour(tmp_path: Path) -> None:
    rows = b"".join(b"\x00" + struct.pack(">HHH", 65535, 32896, 0) * 3 for _ in range(3))
    path = tmp_path / "deep.png"
    path.write_bytes(png(3, 3, 16, 2, zlib.compress(rows)))
    assert np.array_equal(read_picture(path)[1, 1], [255, 128, 0])


@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_floating_point_and_32_bit(dtype: type, tmp_path: Path) -> None:
    values = np.linspace(0, 1, 64).reshape(8, 8) if dtype is np.float32 else np.arange(64).reshape(8, 8) * 1000
    out = read_picture(saved(tmp_path, Image.fromarray(values.astype(dtype)), "tiff"))
    top = 1 if dtype is np.float32 else 65535
    assert np.abs(out[..., 0] - np.round(values / top * 255)).max() <= 1


def test_float_that_is_not_a_number_is_black(tmp_path: Path) -> None:
    values = np.full((4, 4), np.nan, np.float32)
    values[0, 0], values[1, 1] = 1.0, np.inf
    out = read_picture(saved(tmp_path, Image.fromarray(values), "tiff"))
    assert (out[0, 0, 0], out[1, 1, 0], out[3, 3, 0]) == (255, 0, 0)


@pytest.mark.parametrize("suffix", ["png", "webp", "tiff"])
def test_transparency_is_laid_on_white(suffix: str, tmp_path: Path) -> None:
    image = Image.new("RGBA", (9, 9), (200, 0, 0, 255))
    image.putpixel((0, 0), (0, 0, 0, 0))
    image.putpixel((1, 0), (0, 0, 0, 128))
    out = read_picture(
        saved(tmp_path, image, suffix, **({"lossless": True, "exact": True} if suffix == "webp" else {}))
    )
    assert np.array_equal(out[8, 8], [200, 0, 0])
    assert np.array_equal(out[0, 0], [255, 255, 255])
    assert np.abs(out[0, 1].astype(int) - 127).max() <= 1


def test_transparency_of_grey_and_of_a_palette(tmp_path: Path) -> None:
    grey = Image.new("LA", (4, 4), (50, 255))
    grey.putpixel((0, 0), (50, 0))
    assert np.array_equal(read_picture(saved(tmp_path, grey, "png"))[0, :2, 0], [255, 50])
    indexed = Image.new("P", (4, 4), 1)
    indexed.putpalette([0, 0, 0, 10, 20, 30])
    indexed.putpixel((0, 0), 0)
    for suffix in ("png", "gif"):
        out = read_picture(saved(tmp_path, indexed, suffix, transparency=0))
        assert np.array_equal(out[0, 0], [255, 255, 255])
        assert np.array_equal(out[2, 2], [10, 20, 30])


UPRIGHT = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}  # EXIF orientation: the transposition that makes it so


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("suffix", ["png", "tiff", "webp"])
def test_exif_rotation_is_applied(orientation: int, suffix: str, photo: np.ndarray, tmp_path: Path) -> None:
    image = Image.fromarray(photo)
    undo = {None: None, 0: 0, 1: 1, 2: 4, 3: 3, 4: 2, 5: 5, 6: 6}[UPRIGHT[orientation]]
    lying = image if undo is None else image.transpose(Image.Transpose(undo))
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path, lying, suffix, exif=exif, **({"lossless": True} if suffix == "webp" else {}))
    assert np.array_equal(read_picture(path), photo)
    assert check_file(path) == (32, 20)


def test_a_photograph_held_upright(photo: np.ndarray, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # what telephones write
    path = saved(tmp_path, Image.fromarray(photo).transpose(Image.Transpose.ROTATE_90), "jpg", exif=exif, quality=95)
    assert close(read_picture(path), photo, 4)


def test_resizing_is_bilinear_to_a_square(photo: np.ndarray, tmp_path: Path) -> None:
    path = saved(tmp_path, Image.fromarray(photo), "png")
    expected = np.asarray(Image.fromarray(photo).resize((96, 96), Image.Resampling.BILINEAR))
    assert np.array_equal(read_picture(path, 96), expected)
    assert np.array_equal(read_picture(photo, 96), expected)


def png(width: int, height: int, depth: int, colour: int, body: bytes, *extra: bytes) -> bytes:
    """Assemble a PNG from compressed pixels, whatever its header says."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(extra) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def reason(path: Path) -> str:
    with pytest.raises(UnusableImage) as unusable:
        check_file(path)
    return str(unusable.value)


def test_a_real_decompression_bomb_is_refused_from_its_header(tmp_path: Path) -> None:
    """A true 400-megapixel picture in 50 kB: every row is there."""
    press = zlib.compressobj(9)
    body = b"".join([*(press.compress(bytes(2501) * 100) for _ in range(200)), press.flush()])
    path = tmp_path / "bomb.png"
    path.write_bytes(png(20_000, 20_000, 1, 0, body))
    assert path.stat().st_size < 100_000
    assert reason(path) == "has 400 megapixels; the limit is 64"


@pytest.mark.parametrize("suffix", ["gif", "bmp", "tiff"])
def test_bombs_of_other_formats(suffix: str, tmp_path: Path) -> None:
    image = Image.new("1", (9000, 8000))
    path = saved(tmp_path, image, suffix, **({"compression": "group4"} if suffix == "tiff" else {}))
    assert reason(path) == "has 72 megapixels; the limit is 64"


def test_a_gif_whose_frame_is_larger_than_its_screen(tmp_path: Path) -> None:
    head = b"GIF89a" + struct.pack("<HHBBB", 10, 10, 0x80, 0, 0) + bytes(6)
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 60_000, 60_000, 0) + b"\x02\x02\x4c\x01\x00\x3b"
    path = tmp_path / "bomb.gif"
    path.write_bytes(head + frame)
    assert reason(path) == "has 3,600 megapixels; the limit is 64"


def test_exactly_the_limit_is_taken(tmp_path: Path) -> None:
    assert MAX_PIXELS == 8000 * 8000
    assert check_file(saved(tmp_path, Image.new("1", (8000, 8000)), "png")) == (8000, 8000)


def test_what_is_no_image(tmp_path: Path, photo: np.ndarray) -> None:
    path = tmp_path / "file.jpg"
    for content in (b"words", b"%PDF-1.7", bytes(100), b"<svg xmlns='http://www.w3.org/2000/svg'/>"):
        path.write_bytes(content)
        assert reason(path) == "is not an image (JPEG, PNG, WebP, AVIF, HEIC, BMP, GIF or TIFF)"
    path.write_bytes(b"")
    assert reason(path) == "is empty"
    path.unlink()
    assert reason(path).startswith("cannot be opened (")


def test_formats_that_run_programs_are_not_opened(tmp_path: Path) -> None:
    """Pillow hands PostScript to Ghostscript."""
    path = tmp_path / "picture.png"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n%%EOF\n")
    assert reason(path).startswith("is not an image")


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "gif", "bmp", "tiff"])
def test_cut_off(suffix: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    path = saved(tmp_path, Image.fromarray(noise), suffix)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert reason(path).startswith(("is damaged or cut off (", "is not an image"))


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "gif", "bmp", "tiff"])
def test_any_damage_gives_a_picture_or_a_reason(suffix: str, photo: np.ndarray, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.fromarray(photo).save(buffer, {"jpg": "jpeg"}.get(suffix, suffix))
    good = buffer.getvalue()
    path = tmp_path / "damaged"

    @settings(max_examples=80)
    @given(
        st.lists(st.tuples(st.integers(0, len(good) - 1), st.integers(0, 255)), min_size=1, max_size=6), st.booleans()
    )
    def damage(changes: list[tuple[int, int]], head: bool) -> None:
        content = bytearray(good)
        for at, value in changes:
            content[at % 64 if head else at] = value
        path.write_bytes(content)
        try:
            assert read_picture(path, 8).shape == (8, 8, 3)
        except UnusableImage as unusable:
            assert str(unusable)

    damage()


def test_bad_files_are_listed_by_name_and_reason(make_folder, photo: np.ndarray, fresh_data_dir: Path) -> None:
    folder = make_folder({"cat": 4, "dog": 4})
    (folder / "cat" / "empty.png").touch()
    (folder / "cat" / "words.jpg").write_text("words")
    Image.new("1", (9000, 8000)).save(folder / "dog" / "huge.png")
    made = data.load(DataSpec(source=f"path:{folder}"), 96)
    assert {r.name: r.reason for r in made.rejected} == {
        "cat/empty.png": "is empty",
        "cat/words.jpg": "is not an image (JPEG, PNG, WebP, AVIF, HEIC, BMP, GIF or TIFF)",
        "dog/huge.png": "has 72 megapixels; the limit is 64",
    }
    assert len(made.train) + len(made.validation) + len(made.test) == 8


def test_the_second_load_decodes_nothing(make_folder, fresh_data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = DataSpec(source=f"path:{make_folder({'cat': 5, 'dog': 5})}")
    said: list[str] = []
    first = data.load(spec, 128, lambda what, _: said.append(what))
    assert any(s.startswith("Reading images: 10 of 10") for s in said)
    said.clear()
    decoded: list[object] = []
    monkeypatch.setattr(decode, "_open", lambda path: decoded.append(path))
    second = data.load(spec, 128, lambda what, _: said.append(what))
    assert (said, decoded) == ([], [])
    assert isinstance(second.train.source, np.memmap)
    assert not second.train.source.flags.writeable
    assert np.array_equal(first.train.images, second.train.images)
    assert np.array_equal(np.concatenate(list(second.train.batches(2))), second.train.images)


def test_two_sessions_may_read_the_same_images_at_once(make_folder, fresh_data_dir: Path) -> None:
    spec = DataSpec(source=f"path:{make_folder({'cat': 20, 'dog': 20})}")
    made: list[object] = []
    start = threading.Barrier(4)

    def load() -> None:
        start.wait()
        try:
            made.append(data.load(spec, 96).train.fingerprint)
        except Exception as error:
            made.append(error)

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [made[0]] * 4
    assert isinstance(made[0], str)
    assert not list(fresh_data_dir.rglob("*.partial*"))


def test_an_image_that_changes_after_the_check(make_folder, fresh_data_dir: Path) -> None:
    folder = make_folder({"cat": 3, "dog": 3})
    found = data.catalogue(DataSpec(source=f"path:{folder}"))
    (folder / "dog" / "001.jpg").write_bytes(b"broken")
    with pytest.raises(DataError, match="could be read before and cannot any more"):
        decode.pixels(found, 96)
    assert not list((fresh_data_dir / "datasets" / "decoded").iterdir())


def test_a_full_disk_is_said_and_leaves_nothing(make_folder, fresh_data_dir: Path) -> None:
    resource = pytest.importorskip("resource")
    found = data.catalogue(DataSpec(source=f"path:{make_folder({'cat': 3, 'dog': 3})}"))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        with pytest.raises(StorageError, match="could not be kept on disk"):
            decode.pixels(found, 96)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list((fresh_data_dir / "datasets" / "decoded").iterdir())


ON_A_FULL_DISK = """
import sys
from core import data
from core.data import decode
from core.errors import StorageError
from core.experiment import DataSpec
found = data.catalogue(DataSpec(source="path:" + sys.argv[1]))
try:
    decode.pixels(found, 224)
except StorageError as error:
    print(error)
"""


def test_a_disk_without_room_is_refused_and_does_not_end_the_process(make_folder, tmp_path: Path) -> None:
    """Unless the space is claimed first, writing to a memory map on a full disk ends the process with SIGBUS."""
    folder, home = make_folder({"cat": 3, "dog": 3}), tmp_path / "small disk"
    home.mkdir()
    command = [sys.executable, "-c", ON_A_FULL_DISK, str(folder)]
    environment = {**os.environ, "THAW_DATA_DIR": str(home)}
    ended = subprocess.run(
        with_small_disk(command, home, kilobytes=400),
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, (ended.returncode, ended.stderr)
    assert "could not be kept on disk" in ended.stdout and "Free some space" in ended.stdout


@pytest.mark.parametrize(("suffix", "options"), [("avif", {"quality": 90}), ("tiff", {"compression": "jpeg"})])
def test_further_formats(suffix: str, options: dict, photo: np.ndarray, tmp_path: Path) -> None:
    assert close(read_picture(saved(tmp_path, Image.fromarray(photo), suffix, **options)), photo, 12)


def test_twelve_bits_in_sixteen_use_the_whole_scale(tmp_path: Path) -> None:
    values = np.uint16(np.linspace(0, 4095, 64).reshape(8, 8))
    out = read_picture(saved(tmp_path, Image.fromarray(values), "png"))
    assert np.array_equal(out[..., 0], np.uint8(np.round(values / 4095 * 255)))


def taller(content: bytes, height: int) -> bytes:
    """Write another height into a JPEG's frame header."""
    at = min(i for i in (content.find(b"\xff\xc0"), content.find(b"\xff\xc2")) if i > 0)
    return content[: at + 5] + struct.pack(">H", height) + content[at + 7 :]


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_whose_header_lies(progressive: bool, tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    picture[:, 32:] = 255
    path = saved(tmp_path, Image.fromarray(picture), "jpg", progressive=progressive)
    assert check_file(path) == (64, 64)
    path.write_bytes(taller(path.read_bytes(), 640))
    assert reason(path).startswith("is damaged")


@pytest.mark.parametrize("level", [0, 128, 255])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_plain_foot_is_no_lie(level: int, progressive: bool, tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (128, 64, 3), np.uint8)
    picture[60:] = level
    for image in (picture, np.full_like(picture, level)):
        assert check_file(saved(tmp_path, Image.fromarray(image), "jpg", progressive=progressive)) == (64, 128)


def test_a_jpeg_of_very_many_scans(tmp_path: Path) -> None:
    path = saved(tmp_path, Image.new("RGB", (64, 64)), "jpg", progressive=True)
    content = path.read_bytes()
    at = content.rfind(b"\xff\xda")
    path.write_bytes(content[:at] + content[at:-2] * 400 + content[-2:])
    assert "progressive JPEG of 4" in reason(path)


@pytest.mark.parametrize(("brightest", "black"), [(0, True), (6, True), (40, False)])
def test_pictures_of_a_camera_that_is_not_ready_are_told(brightest: int, black: bool) -> None:
    from core.data.decode import is_black

    packed = io.BytesIO()
    Image.new("RGB", (16, 16), (brightest,) * 3).save(packed, "PNG")
    assert is_black(packed.getvalue()) is black
