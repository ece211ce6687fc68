"""The class of every image: from a label file, ImageNet's devkit, or the folders that images lie in."""
import re

from problem import Problem

SYNSET = re.compile(r"n\d{8}")
IMAGENET_CLASSES = 1000
MOST = 1_000_000  # far below what int32 holds, with any offset


def lines_of(text):
    return [(number, line.replace(",", " ").split()) for number, line in enumerate(text.splitlines(), 1)
            if line.strip()]


def decoded(where, content):
    """The text of a file's bytes."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Problem(f"{where}: line {line}: byte 0x{content[error.start]:02x}; accepted: text in UTF-8") from None


def text_of(path):
    with open(path, "rb") as f:
        return decoded(path, f.read())


def whole_number(where, number, word):
    if not re.fullmatch(r"\d+", word):
        raise Problem(f"{where}: line {number}: {word!r}; expected a whole number, the class")
    if int(word) > MOST:
        raise Problem(f"{where}: line {number}: class {word}; accepted: up to {MOST}")
    return int(word)


def from_pairs(where, lines, images):
    """Lines of: file, class, and anything more. A file is named by its path, or by its last part."""
    named = {}
    for number, words in lines:
        if len(words) < 2:
            raise Problem(f"{where}: line {number}: {' '.join(words)!r}; expected a file name and a class")
        name = words[0].removeprefix("./")
        if name in named:
            raise Problem(f"{where}: line {number}: {name} is labelled a second time")
        named[name] = whole_number(where, number, words[1])
    labels, used = [], set()
    for image in images:
        key = image if image in named else image.split("/")[-1]
        if key not in named:
            raise Problem(f"{where}: no label for {image}")
        if key in used:
            raise Problem(f"{where}: {key} names two images, one of them {image}; expected the path in the folder")
        used.add(key)
        labels.append(named[key])
    if len(used) != len(named):
        missing = sorted(set(named) - used)
        raise Problem(f"{where}: {len(missing)} of {len(named)} labelled images are missing, the first one "
                      f"{missing[0]}")
    return labels


def from_numbers(where, lines, images, classes_of_ids):
    """One number a line, of the images sorted by name: ILSVRC2012_IDs of the devkit, if a mapping is given."""
    numbers = [whole_number(where, number, words[0]) for number, words in lines]
    if len(numbers) != len(images):
        raise Problem(f"{where}: {len(numbers)} labels for {len(images)} images; expected one a line, in the order "
                      "of the sorted file names")
    if classes_of_ids is None:
        return numbers
    unknown = sorted(set(numbers) - set(classes_of_ids))
    if unknown:
        raise Problem(f"{where}: ILSVRC2012_ID {unknown[0]} is not in the devkit's list")
    return [classes_of_ids[number] for number in numbers]


def classes_by_id(path):
    """{ILSVRC2012_ID: class} of the devkit's meta.mat, or of a text file with lines of: ID, synset.

    The nets' classes are the places of the 1,000 synsets in sorted order; the devkit numbers them otherwise.
    """
    if path.endswith(".mat"):
        try:
            from scipy.io import loadmat
        except ImportError as why:
            raise Problem(f"{path}: {why}; install python3-scipy, or give a text file with lines of: "
                          "ILSVRC2012_ID synset") from why
        try:
            rows = loadmat(path, squeeze_me=True)["synsets"]
            pairs = [(int(row["ILSVRC2012_ID"]), str(row["WNID"])) for row in rows]
        except (KeyError, IndexError, TypeError, ValueError) as why:
            raise Problem(f"{path}: {why}; expected the devkit's meta.mat") from None
    else:
        lines = lines_of(text_of(path))
        pairs = [(whole_number(path, number, words[0]), words[1] if len(words) > 1 else "")
                 for number, words in lines]
    pairs = [(number, synset) for number, synset in pairs if number <= IMAGENET_CLASSES]  # the rest: inner nodes
    synsets = sorted(synset for _, synset in pairs)
    if len(set(synsets)) != IMAGENET_CLASSES or not all(map(SYNSET.fullmatch, synsets)):
        raise Problem(f"{path}: {len(set(synsets))} synsets with an ID up to {IMAGENET_CLASSES}; expected "
                      f"{IMAGENET_CLASSES} such as n01440764")
    return {number: synsets.index(synset) for number, synset in pairs}


def from_folders(where, images, synsets):
    """The place of an image's folder among all folders, sorted; or among `synsets`, where they are given."""
    folders = [image.split("/")[-2] if "/" in image else "" for image in images]
    if "" in folders:
        raise Problem(f"{where}: no label for {images[folders.index('')]}; expected a label file (--labels), "
                      "labels.txt beside the images, or a folder for each class")
    known = sorted(set(folders)) if synsets is None else synsets
    are_synsets = all(map(SYNSET.fullmatch, known))
    if synsets is None and are_synsets and len(known) != IMAGENET_CLASSES:
        raise Problem(f"{where}: {len(known)} folders named by synsets; their classes need all {IMAGENET_CLASSES}, or "
                      "--synsets FILE, which lists them")
    places = {folder: place for place, folder in enumerate(known)}
    for folder, image in zip(folders, images):
        if folder not in places:
            raise Problem(f"{where}: {image}: {folder} is not in the list of synsets")
    return [places[folder] for folder in folders]


def synsets_of(path):
    """The first word of every line, in order: line 1 is class 0."""
    return [words[0] for _, words in lines_of(text_of(path))]


def labels_of(where, text, images, classes_of_ids=None, synsets=None):
    """A class for each of the sorted `images`. `text`: a label file's; None: by folders."""
    if text is None:
        return from_folders(where, images, synsets)
    lines = lines_of(text)
    if not lines:
        raise Problem(f"{where}: is empty; expected lines of: file, class")
    if all(len(words) == 1 for _, words in lines):
        return from_numbers(where, lines, images, classes_of_ids)
    return from_pairs(where, lines, images)
