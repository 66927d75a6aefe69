"""Words of other languages for what a history is made of, put into English before a name is taken apart."""

import re
from functools import lru_cache

FOREIGN = {
    "lr": "learning rate|学习率|學習率|学習率|학습률|lernrate|tasa de aprendizaje|taux d'apprentissage|tasso di apprendimento|taxa de aprendizado|taxa de aprendizagem|скорость обучения|öğrenme oranı|leersnelheid",
    "best": "最佳|最好|最优|ベスト|最良|최고|beste[rsn]?(?![a-z])|mejor(?![a-z])|meilleure?s?|melhor(?![a-z])|migliore|лучш\\w*|найкращ\\w*|najlepsz\\w*|en iyi|tốt nhất|terbaik",
    "epoch": "训练轮数|訓練輪數|训练轮次|轮次|轮数|輪次|輪數|轮|輪|周期|エポック数|エポック|에포크|에폭|epoche|epocha|epoka|epoca|época|epoque|époque|эпоха|эпохи|епоха|εποχή|epok",
    "train": "训练集|训练|訓練|学習|トレーニング|훈련|학습|트레이닝|entrenamiento|entraînement|entrainement|apprentissage|addestramento|allenamento|treinamento|treino|обучающ\\w*|обучени\\w*|тренировочн\\w*|тренировк\\w*|навчання|treningow\\w*|trenowani\\w*|eğitim|egitim|träning|trénov\\w*|trénink\\w*|huấn luyện|pelatihan|εκπαίδευσ\\w*|التدريب|آموزش",
    "val": "验证集|验证|驗證|検証|バリデーション|評価|评估|검증|평가|validación|validacion|validação|validacao|validazione|validierungs?|validatie|validering|валидаци\\w*|валидации|валид|проверочн\\w*|валідаці\\w*|walidac\\w*|doğrulama|dogrulama|validač\\w*|validac\\w*|xác thực|kiểm định|validasi|επικύρωσ\\w*|اعتبارسنجی",
    "test": "prüfung|prüf|测试集|测试|測試|テスト|테스트|시험|prueba|тестов\\w*|тест|kiểm tra|pengujian|آزمون",
    "loss": "损失函数|损失值|损失|損失|ロス|손실|로스|verlust|pérdidas?|perdidas?|pertes?|perdit[ae]|perda|функция потерь|потер\\w*|лосс|втрат\\w*|strat[ay]|kayıp|kaybı|kayip|kaybi|verlies|förlust|ztrát\\w*|mất mát|kerugian|απώλεια|الخسارة|خطا",
    "error": "错误率|錯誤率|誤り率|오류율|fehlerrate|tasa de error|taux d'erreur|tasso di errore|taxa de erro|доля ошибок",
    "accuracy": "准确率|準確率|准确度|準確度|精确度|正确率|正確率|精度|正解率|正答率|정확도|genauigkeit|treffergenauigkeit|exactitude?|exactitud|précision|precisión|precisão|acurácia|acuracia|accuratezza|точност\\w*|доля верных|точність|dokładnoś\\w*|doğruluk|doğruluğu|dogruluk|dogrulugu|nauwkeurigheid|noggrannhet|nøjagtighed|nøyaktighet|přesnost\\w*|độ chính xác|akurasi|ακρίβεια|الدقة|دقة|دقت",
}
GLUED = {"verlust", "genauigkeit", "validierungs?"}  # German joins words, so these may stand inside one


def _pattern(word: str) -> str:
    latin = word[0].isascii() or word[0] in "éèêäöåüřđ"
    return word if word in GLUED or not latin else rf"(?<![^\W\d_]){word}"


PATTERN = re.compile(
    "|".join(
        f"(?P<{english}>{'|'.join(_pattern(w) for w in sorted(words.split('|'), key=len, reverse=True))})"
        for english, words in FOREIGN.items()
    )
)
COUNTED = re.compile(r"第\s{0,3}(\d{1,7})\s{0,3}(?:个|個)?\s{0,3}(?:轮|輪|回|epoch|周期)")  # 第3轮: the third epoch
LETTERS = re.compile(r"[^\W\d_a-zA-Z]")  # beyond ASCII
ASCII = re.compile("|".join({part for words in FOREIGN.values() for word in words.split("|") for part in word.split() if word.isascii() and len(part) > 3}))  # fmt: skip


def is_foreign(text: str) -> bool:
    """Tell whether words of other languages may be in a text; of a long one each word is looked at once."""
    if not text.isascii() and LETTERS.search(text):
        return True
    found = set(re.findall(r"[a-z']{4,}", text.lower()))
    return bool(ASCII.search(" ".join(found)))


@lru_cache(maxsize=4096)
def english(text: str) -> str:
    """Return a text with words of other languages in English, in lower case where there are any; a text without stays as it is."""
    if not is_foreign(text):
        return text
    found = COUNTED.sub(r" epoch \1 ", text.lower())
    put = PATTERN.sub(lambda m: f" {m.lastgroup} ", found)
    return text if put == text.lower() else put
