"""What folder names say: splits in all their spellings, folds, parts, wrappers, and two spellings of one class."""

import re
import unicodedata

SPLITS = {
    "train": "train trn tr training trainset trains trainval learn learning entrenamiento entrainement apprentissage treino treinamento treinar "
    "addestramento trening træning traening trainings traning opplæring oplæring egitim trenovani trenovaci treniranje treningowy treningowe uczenie uczacy uczace "
    "antrenare antrenament tanitas tanito koulutus opetus pelatihan latih latihan huanluyen "
    "обучение обучающая обучающий обучающие тренировочная тренировочный тренировка навчання навчальна тренувальна εκπαιδευση تدريب التدريب آموزش אימון "
    "प्रशिक्षण প্রশিক্ষণ ฝึก ฝึกสอน 训练 訓練 训练集 訓練集 学習 学習用 トレーニング 訓練用 훈련 학습 학습용 훈련용",
    "validation": "val vali valid validation validate validating valset valid_ation dev development eval evaluation holdout validacion "
    "validacao validering validierung validierungs validazione walidacja walidacyjny walidacyjne dogrulama validacija validace validare validalas validointi validasi validatie "
    "валидация валидационная валидационный проверка проверочная проверочный валідація перевірка επικυρωση تحقق التحقق اعتبارسنجی אימות "
    "सत्यापन যাচাইকরণ 验证 驗證 验证集 驗證集 検証 検証用 評価 評価用 バリデーション 검증 검증용 평가 평가용",
    "test": "test tst testing tests tester testset prueba pruebas teste testes essai prova testowy testowe testovani testovaci testiranje testare teszt teszteles testaus testi pengujian uji kiemtra "
    "тест тесты тестовая тестовый тестовые тестирование тестування тестова δοκιμη τεστ اختبار الاختبار آزمون تست בדיקה מבחן "
    "परीक्षण পরীক্ষা ทดสอบ 测试 測試 测试集 測試集 テスト テスト用 試験 테스트 테스트용 시험",
    "unlabelled": "pred preds predict prediction predictions unlabeled unlabelled unlabel nolabel nolabels submission inference",
}
OTHER_PICTURES = {
    "bilder", "bild", "fotos", "foto", "imagenes", "imagens", "immagini", "fotografias", "afbeeldingen", "obrazy", "zdjecia", "resimler", "gorseller",
    "图片", "图像", "照片", "圖片", "圖像", "画像", "写真", "사진", "이미지", "изображения", "картинки", "фото", "фотографии",
}  # fmt: skip
FILLERS = {
    "set",
    "sets",
    "data",
    "dataset",
    "datasets",
    "image",
    "images",
    "img",
    "imgs",
    "pic",
    "pics",
    "picture",
    "pictures",
    "photo",
    "photos",
    "seg",
    "split",
    "splits",
    "folder",
    "folders",
    "dir",
    "final",
    "new",
    "the",
    "my",
    "x",
    "jpg",
    "jpeg",
    "png",
    "raw",
    "resized",
    "cropped",
    "small",
    "all",
    "sample",
    "samples",
    "crops",
    "frames",
    "full",
    *OTHER_PICTURES,
    *(
        "daten",
        "datensatz",
        "donnees",
        "datos",
        "dados",
        "dati",
        "данные",
        "набор",
        "выборка",
        "集",
        "用",
        "数据",
        "数据集",
        "資料",
        "資料集",
        "データ",
        "データセット",
        "用データ",
        "데이터",
        "데이터셋",
        "세트",
        "용",
    ),
    *(
        "بيانات",
        "مجموعة",
        "صور",
        "داده",
        "dane",
        "danych",
        "zbior",
        "zestaw",
        "veri",
        "veriler",
        "verileri",
        "seti",
        "gegevens",
        "zdjecia",
        "obrazy",
    ),
    *("sdaten", "sbilder", "sset", "ssatz"),  # of German words that are joined: Trainingsdaten
}
CONTAINERS = {
    *OTHER_PICTURES,
    *("daten", "bilderdaten", "donnees", "datos", "dados", "dati", "данные", "数据", "数据集", "データ", "데이터"),
    "image",
    "images",
    "img",
    "imgs",
    "pic",
    "pics",
    "picture",
    "pictures",
    "photo",
    "photos",
    "data",
    "dataset",
    "datasets",
    "jpegimages",
    "jpg",
    "jpeg",
    "jpgs",
    "png",
    "pngs",
    "dcim",
    "raw",
    "frames",
    "crops",
    "all",
    "files",
    "input",
    "inputs",
    "archive",
    "content",
}
PARTS = {"part", "parts", "batch", "chunk", "shard", "images", "image", "img", "zip", "group", "set", "data", "subset"}
MASKS = {
    "mask",
    "masks",
    "label",
    "labels",
    "annotation",
    "annotations",
    "annot",
    "annots",
    "segmentation",
    "segmentations",
    "segmentationclass",
    "segmentationobject",
    "gt",
    "groundtruth",
    "bbox",
    "bboxes",
    "xml",
    "xmls",
    "boxes",
}
FORMS = (
    "original",
    "originals",
    "color",
    "colour",
    "colored",
    "rgb",
    "raw",
    "unprocessed",
    "processed",
    "preprocessed",
    "resized",
    "cropped",
    "enhanced",
    "normalized",
    "grayscale",
    "greyscale",
    "gray",
    "grey",
    "segmented",
    "augmented",
    "binary",
    "edges",
    "bw",
)
GROUPS = {
    "subject", "subj", "patient", "person", "participant", "user", "p", "s", "session", "year", "day", "week", "site", "plot", "case", "id",
    "cam", "camera", "device", "phone", "sensor", "location", "loc", "place", "room", "scene", "video", "clip", "recording", "take", "month", "visit",
    "trip", "flight", "drone", "field", "farm", "experiment", "exp", "student", "volunteer", "rater", "animal", "sample", "specimen", "slide", "set",
}  # fmt: skip
ACCENTED = re.compile("([A-Za-zα-ωΑ-Ω])[\u0300-\u036f]+")  # in other scripts a mark makes another letter: й, デ
CAMERA_ROLL = re.compile(r"[1-9]\d\d(?=.*[A-Z])[A-Z0-9_]{5}")  # as the standard of cameras' cards (DCF) has it
BETWEEN = r"(?:(?![\u0900-\u0eff])[\W_])+|(?<=\D)(?=\d)|(?<=\d)(?=\D)"  # the vowel signs of Indic and Thai letters are parts of words
MEANING = {word: split for split, words in SPLITS.items() for word in words.split()}
MEANING_RAW = tuple(sorted((w for w in MEANING if len(w) >= (4 if w.isascii() else 2)), key=len, reverse=True))


def tokens(name: str) -> list[str]:
    """Return the words of a name in small letters, without the accents of Latin and Greek ones; camelCase and numbers at the end of a word are taken apart."""
    name = re.sub(r"([a-z])([A-Z])", r"\1 \2", name)
    plain = ACCENTED.sub(r"\1", unicodedata.normalize("NFD", name))
    plain = unicodedata.normalize("NFC", plain).casefold()
    return [t for t in re.split(BETWEEN, plain.replace("hold-out", "holdout").replace("hold_out", "holdout")) if t]


def split_of(name: str) -> str | None:
    """Return ``train``, ``validation``, ``test`` or ``unlabelled`` where a name says nothing but that; numbers and words like “set” may stand around it."""
    said = [t for t in tokens(name) if not t.isdigit() and t not in FILLERS]
    if len(said) == 1:
        return MEANING.get(said[0]) or _joined(said[0])
    meanings = {MEANING.get(t) for t in said}
    if len(said) == 2 and "unlabelled" in meanings:  # “test unlabeled”
        return "unlabelled" if len(meanings - {None}) == len(meanings) else None
    return None


def _joined(word: str) -> str | None:
    """Read “trainimages”, “imagestrain” and “训练图片”."""
    for start in MEANING_RAW:
        rest = (
            word.removeprefix(start)
            if word.startswith(start)
            else word.removesuffix(start)
            if word.endswith(start)
            else ""
        )
        if rest in FILLERS:
            return MEANING[start]
    return None


def split_and_rest(name: str) -> tuple[str, str] | None:
    """Return split and class of a folder like ``train_cat``, ``cats-test`` or ``trainA``; None where it is not made like that."""
    for pattern, split_at in (
        (r"^([^\W_\d]+)[\s_.\-]+(.+)$", 1),
        (r"^(.+?)[\s_.\-]+([^\W_\d]+)$", 2),
        (r"^(train|val|test)([A-Z])$", 1),
    ):
        found = re.match(pattern, name)
        if found:
            split, rest = split_of(found.group(split_at)), found.group(3 - split_at).strip()
            if (
                split in {"train", "validation", "test"}
                and rest
                and split_of(rest) is None
                and rest.casefold() not in FILLERS
            ):
                return split, rest
    return None


def is_late(name: str) -> bool:
    """Tell whether a name that means validation may mean the last, untouched part where another folder is the validation part."""
    return bool(set(tokens(name)) & {"eval", "evaluation", "holdout"})


def is_fold(name: str) -> bool:
    """Tell whether a name is that of a fold of a cross-validation: ``fold0``, ``k-fold 3``, ``cv_2``."""
    said = tokens(name)
    return bool(said) and said[-1].isdigit() and bool(set(said) & {"fold", "folds", "cv", "kfold"})


def is_part(name: str) -> bool:
    """Tell whether a name is that of a part which only keeps folders small: ``images_part_2``, ``batch 3``, a camera's ``100APPLE``."""
    said = tokens(name)
    return bool(CAMERA_ROLL.fullmatch(name)) or (len(said) > 1 and said[-1].isdigit() and said[-2] in PARTS)


def is_container(name: str) -> bool:
    """Tell whether a name says no more than that pictures are inside."""
    said = [t for t in tokens(name) if not t.isdigit()]
    return bool(said) and all(t in CONTAINERS for t in said)


def is_mask(name: str) -> bool:
    """Tell whether a name says that outlines or boxes of the pictures beside it are inside."""
    said = [t for t in tokens(name) if not t.isdigit() and t not in FILLERS]
    return bool(said) and all(t in MASKS for t in said)


def names_mask(name: str) -> bool:
    """Tell whether a word of a name is one for outlines, as in “lung masks”; sure only below a class, beside its pictures."""
    return bool(set(tokens(name)) & MASKS)


def is_thumbs(name: str) -> bool:
    """Tell whether a name says that small copies of the pictures beside it are inside; a “thumb” is a finger."""
    return bool(tokens(name)) and set(tokens(name)) <= {"thumbs", "thumbnail", "thumbnails"}


def outlined(stem: str) -> str | None:
    """Return the name of the picture that a file is the outline of, as ``benign (1)`` of ``benign (1)_mask_1``; None where it is none."""
    found = re.fullmatch(r"(.+?)[\s_.\-]+(?:mask|masks|segmentation|seg|groundtruth|ground_truth|gt|label|outline)(?:[\s_.\-]*\d{1,2})?", stem)  # fmt: skip
    return found[1] if found else None


def is_number(name: str) -> bool:
    """Tell whether a name is a number or a date, with a word like “subject” before it or not."""
    said = tokens(name)
    return (
        bool(said) and said[-1].isdigit() and (all(t.isdigit() for t in said) or (len(said) == 2 and said[0] in GROUPS))
    )


def is_long_number(name: str) -> bool:
    """Tell whether a number has so many digits that it numbers persons or days and not classes, or a word before it says so."""
    return len(tokens(name)) > 1 or len(tokens(name)[-1]) >= 3


def is_form(name: str) -> bool:
    """Tell whether a name says how pictures were made and not what they show."""
    return form_rank(name) < len(FORMS)


def form_rank(name: str) -> int:
    """Return how near a form is to the pictures themselves, 0 the nearest; the number of forms for other names."""
    said = [
        t
        for t in tokens(name)
        if t not in {"images", "image", "imgs", "img", "data", "version", "set"} and not t.isdigit()
    ]
    return FORMS.index(said[0]) if len(said) == 1 and said[0] in FORMS else len(FORMS)


def spelling(name: str) -> str:
    """Return what two spellings of one class have in common: case, Unicode form, blanks, ``-`` and ``_`` set aside."""
    return re.sub(r"[\s_\-]+", "", unicodedata.normalize("NFC", name).casefold()) or name
