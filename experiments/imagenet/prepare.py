#!/usr/bin/env python3
"""Writes a folder or a tar of labelled images as the HDF5 file that the dataset `hdf5` reads.

    prepare.py IMAGES OUTPUT.h5 [--labels FILE] [--resize 256] [--crop 224] ...

Needs Pillow, h5py and numpy. README.md beside this file says which layouts of folders and label files it takes.
"""
import argparse
import os
import signal
import sys
import time

try:
    import h5py
    import numpy as np
    import PIL
    from image_files import INTERPOLATIONS, is_image, open_images, pixels_of
except ImportError as missing:
    sys.exit(f"prepare.py: {missing}; install python3-h5py python3-pil")
from image_labels import MOST, classes_by_id, decoded, labels_of, synsets_of, text_of
from problem import Problem

LABEL_FILE = "labels.txt"


def size_or_none(word):
    if word == "none":
        return None
    if not word.isdigit() or int(word) < 1:
        raise argparse.ArgumentTypeError(f"{word!r}; accepted: pixels, at least 1, or none")
    return int(word)


def arguments(argv):
    parser = argparse.ArgumentParser(prog="prepare.py", description=__doc__.splitlines()[0])
    parser.add_argument("images", metavar="IMAGES", help="a folder, or a tar archive")
    parser.add_argument("output", metavar="OUTPUT", help="the HDF5 file to write")
    parser.add_argument("--labels", metavar="FILE",
                        help="lines of: file, class; or of one number, in the order of the sorted file names (default: "
                             "labels.txt among the images, else the folders that they lie in)")
    parser.add_argument("--meta", metavar="FILE",
                        help="the devkit's meta.mat, or lines of: ILSVRC2012_ID synset; the numbers in --labels are such "
                             "IDs")
    parser.add_argument("--synsets", metavar="FILE", help="the synset of class 0, 1, ... by line; folders are named so")
    parser.add_argument("--resize", type=size_or_none, default=256, metavar="N",
                        help="the short side in pixels before the crop, or none (default: %(default)s)")
    parser.add_argument("--crop", type=int, default=224, metavar="N",
                        help="side of the square cut from the centre (default: %(default)s)")
    parser.add_argument("--interpolation", choices=sorted(INTERPOLATIONS), default="bilinear",
                        help="of the resizing (default: %(default)s, Pillow's, which smooths when it shrinks)")
    parser.add_argument("--label-offset", type=int, nargs="+", default=[0], metavar="N",
                        help="added to every class; a second one K writes further labels, test_y_offset_K (default: 0)")
    parser.add_argument("--calibration", type=int, default=0, metavar="N",
                        help="images held out of the test set as the training set (default: 0; the test images are both)")
    parser.add_argument("--chunk", type=int, default=1, metavar="N",
                        help="images that lie together in an HDF5 chunk, for training with shuffle: chunks; with "
                             "more than 1 the images are written in a shuffled order (default: %(default)s, sorted)")
    parser.add_argument("--seed", type=int, default=0,
                        help="of the choice of images held out, and of that order (default: %(default)s)")
    parser.add_argument("--force", action="store_true", help="overwrite OUTPUT")
    return parser.parse_args(argv)


def check(options):
    if os.path.exists(options.output) and not options.force:
        raise Problem(f"{options.output} is there already; --force overwrites it")
    if options.crop < 1:
        raise Problem(f"--crop {options.crop}; accepted: at least 1")
    if options.chunk < 1:
        raise Problem(f"--chunk {options.chunk}; accepted: at least 1")
    if options.resize is not None and options.resize < options.crop:
        raise Problem(f"--resize {options.resize} is smaller than --crop {options.crop}")
    offsets = options.label_offset
    if not 0 <= min(offsets) <= max(offsets) <= MOST or len(set(offsets)) != len(offsets):
        raise Problem(f"--label-offset {offsets}; accepted: different numbers from 0 to {MOST}")
    if options.meta and not options.labels:
        raise Problem("--meta says what the numbers in --labels are; --labels is missing")
    if options.synsets and options.labels:
        raise Problem("--synsets is for images in folders of their class; --labels is given, too")


def read_labels(options, files, images):
    """The class of each image, before any offset."""
    where, text = options.images, None
    if options.labels:
        where = options.labels
        text = text_of(options.labels)
    elif LABEL_FILE in files.names:
        where = f"{options.images}: {LABEL_FILE}"
        text = decoded(where, files.bytes_of(LABEL_FILE))
    return labels_of(where, text, images, classes_by_id(options.meta) if options.meta else None,
                     synsets_of(options.synsets) if options.synsets else None)


def split_of(count, calibration, seed, chunk):
    """(train, test): places of the images, ascending, or shuffled where chunks hold several; train is empty where none
    are held out."""
    if not 0 <= calibration < count:
        raise Problem(f"--calibration {calibration}; accepted: 0 to {count - 1}, for {count} images")
    shuffled = np.random.default_rng(seed).permutation(count)
    splits = shuffled[:calibration], shuffled[calibration:]
    return splits if chunk > 1 else tuple(np.sort(split) for split in splits)


class Progress:
    """A line on the error stream every few seconds."""

    def __init__(self, total):
        self.total, self.said = total, time.monotonic()

    def update(self, done):
        if time.monotonic() - self.said > 3 or done == self.total:
            self.said = time.monotonic()
            print(f"{done} of {self.total} images", file=sys.stderr)


def write_labels(group, split, places, labels, offsets):
    for index, offset in enumerate(offsets):
        name = f"{split}_y" if index == 0 else f"{split}_y_offset_{offset}"
        group[name] = np.asarray(labels, np.int32)[places] + np.int32(offset)
        group[name].attrs["label_offset"] = offset


def write_images(file, options, files, images, splits):
    """One image after the other into its row, in the order in which they are found."""
    shape = (options.crop, options.crop, 3)
    rows = {}
    for split, places in splits.items():
        together = min(options.chunk, len(places))
        array = file.create_dataset(f"{split}_x", (len(places), *shape), np.uint8, chunks=(together, *shape))
        rows |= {images[place]: (array, row) for row, place in enumerate(places)}
    progress, modes, done = Progress(len(images)), {}, 0
    for name, content in files.each(images):
        array, row = rows[name]
        array[row], mode = pixels_of(name, content, options.resize, options.crop, options.interpolation)
        modes[mode] = modes.get(mode, 0) + 1
        done += 1
        progress.update(done)
    return modes


def fill(file, options, files, images, labels):
    train, test = split_of(len(images), options.calibration, options.seed, options.chunk)
    splits = {"test": test} if len(train) == 0 else {"train": train, "test": test}
    modes = write_images(file, options, files, images, splits)
    for split, places in splits.items():
        write_labels(file, split, places, labels, options.label_offset)
        names = np.array([images[place].encode("utf-8") for place in places])
        file[f"{split}_file"] = names
    if len(train) == 0:  # the same arrays under a second name: nothing is stored twice
        for name in [name for name in file if name.startswith("test_")]:
            file["train_" + name.removeprefix("test_")] = file[name]
    file.attrs.update({
        "source": os.path.basename(os.path.normpath(options.images)),
        "resize": "none" if options.resize is None else options.resize, "crop": options.crop,
        "interpolation": options.interpolation, "pillow": PIL.__version__,
        "calibration": "the test images" if len(train) == 0 else f"{len(train)} images held out by seed {options.seed}",
        "order": "sorted by name" if options.chunk == 1 else f"shuffled by seed {options.seed}",
        "modes": ", ".join(f"{mode}: {modes[mode]}" for mode in sorted(modes))})
    return modes


def prepare(options):
    check(options)
    files = open_images(options.images)
    images = [name for name in files.names if is_image(name)]
    if not images:
        raise Problem(f"{options.images}: holds no images; expected files that end in .jpg, .jpeg, .png, .bmp or .webp")
    labels = read_labels(options, files, images)
    other = [name for name in files.names if not is_image(name) and name != LABEL_FILE]
    if other:
        print(f"{len(other)} files are no images and are left out, the first one {other[0]}", file=sys.stderr)
    part = options.output + ".part"
    try:
        with h5py.File(part, "w", libver=("v108", "latest")) as file:
            modes = fill(file, options, files, images, labels)
        os.replace(part, options.output)
    finally:
        if os.path.exists(part):
            os.remove(part)
    converted = {mode: count for mode, count in modes.items() if mode != "RGB"}
    for mode, count in sorted(converted.items()):
        print(f"{count} images of mode {mode} were converted to RGB", file=sys.stderr)
    return max(labels) + 1


def source_yaml(options, classes):
    """What goes into an experiment."""
    name = os.path.basename(options.output)
    return (f"data:\n  source: {{name: hdf5, file: {name}, train_x: train_x, train_y: train_y, "
            f"test_x: test_x, test_y: test_y, classes: {classes + options.label_offset[0]}}}")


def main(argv=None):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the part file goes, too
    options = arguments(argv)
    try:
        classes = prepare(options)
    except (Problem, OSError) as error:
        print(f"prepare.py: {error}", file=sys.stderr)
        return 1
    print(source_yaml(options, classes))
    return 0


if __name__ == "__main__":
    sys.exit(main())
