"""What the choice of weights means for somebody's own photographs, in figures that were measured."""

from core.experiment import BackboneSpec, DataSpec

PHOTOGRAPHS = ("upload", "folder", "path", "download")  # kinds of sources; the built-in ones are judged on their own
# Held-out photographs of cats and dogs that a head was right on which was trained on frozen features, built-in and ImageNet's, by image
# size; width 1.0, 150 training images a class (docs/builtin-weights.md, Results).
CATS_FROM_DOGS = {96: (0.648, 0.920), 160: (0.684, 0.992)}


def cats_from_dogs(size: int) -> tuple[float, float]:
    """Return the shares of photographs of cats and dogs told apart with built-in and with ImageNet's weights, at the measured size next to ``size``."""
    return CATS_FROM_DOGS[min(CATS_FROM_DOGS, key=lambda measured: abs(measured - size))]


def of_photographs(data: DataSpec, spec: BackboneSpec) -> str | None:
    """Say what built-in weights mean for photographs; None where other weights or other pictures are used."""
    if spec.weights != "builtin" or data.source.partition(":")[0] not in PHOTOGRAPHS:
        return None
    here, imagenet = cats_from_dogs(spec.size)
    return (
        "The built-in weights know edges, colours and textures, not kinds of things: ImageNet's would know cats from dogs far "
        f"better ({imagenet:.0%} right instead of {here:.0%}, measured)."
    )
