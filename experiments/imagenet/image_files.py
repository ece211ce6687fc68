"""Images of a folder or a tar archive by name, and how one becomes a square of pixels."""
import io
import os
import tarfile
import zlib

import numpy as np
from PIL import Image, UnidentifiedImageError

from problem import Problem

EXTENSIONS = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
INTERPOLATIONS = {"bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC, "lanczos": Image.LANCZOS,
                  "nearest": Image.NEAREST}


def is_image(name):
    return name.lower().endswith(EXTENSIONS)


class Folder:
    """Files below a folder; names use / and start below it."""

    def __init__(self, path):
        self.path = path
        self.names, seen = [], set()
        for folder, _, files in os.walk(path, followlinks=True):
            if os.path.realpath(folder) in seen:
                raise Problem(f"{folder}: a link to a folder whose files are here already; accepted: each file once")
            seen.add(os.path.realpath(folder))
            self.names += [os.path.relpath(os.path.join(folder, file), path).replace(os.sep, "/") for file in files]
        self.names.sort()

    def bytes_of(self, name):
        path = os.path.join(self.path, name)
        if os.path.exists(path) and not os.path.isfile(path):
            raise Problem(f"{path}: is no regular file")
        with open(path, "rb") as f:
            return f.read()

    def each(self, names):
        """(name, bytes) of the named files, in any order."""
        for name in names:
            yield name, self.bytes_of(name)


class Archive:
    """Files of a tar archive, compressed or not; a leading ./ is dropped from names."""

    def __init__(self, path):
        self.path = path
        self.names = []
        with tarfile.open(path) as tar:
            for member in tar:
                name = self.name_of(member)
                if not (member.isfile() or member.isdir()) and is_image(name):
                    raise Problem(f"{path}: {name} is a link or a device; accepted: files")
                self.names += [name] if member.isfile() else []
        self.names.sort()
        for name, after in zip(self.names, self.names[1:]):
            if name == after:
                raise Problem(f"{path}: holds {name} twice; accepted: each name once")

    @staticmethod
    def name_of(member):
        return member.name.removeprefix("./")

    def bytes_of(self, name):
        return next(self.each([name]))[1]

    def each(self, names):
        """(name, bytes) of the named files in the archive's order, so that a compressed one is read once."""
        wanted = set(names)
        with tarfile.open(self.path) as tar:
            for member in tar:
                if member.isfile() and self.name_of(member) in wanted:
                    wanted.remove(self.name_of(member))
                    yield self.name_of(member), tar.extractfile(member).read()


def open_images(path):
    """A Folder or an Archive."""
    if os.path.isdir(path):
        return Folder(path)
    if not os.path.isfile(path):
        raise Problem(f"{path}: no such file; accepted: a folder or a tar archive of images")
    try:
        return Archive(path)
    except (tarfile.TarError, EOFError, zlib.error) as why:
        raise Problem(f"{path}: {why}; accepted: a folder or a tar archive of images") from why


def resized(size, short_side):
    """(width, height) with the short side as told, the long one cut to whole pixels (as torchvision does)."""
    width, height = size
    if width <= height:
        return short_side, max(short_side, height * short_side // width)
    return max(short_side, width * short_side // height), short_side


def pixels_of(name, content, short_side, crop, interpolation):
    """[crop,crop,3] bytes in RGB, and the mode that the file had. `short_side` None: not resized."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            mode = image.mode
            image = image.convert("RGB")
    except UnidentifiedImageError as why:
        raise Problem(f"{name}: cannot be read as an image: damaged, or of a format that Pillow does not know") from why
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as why:
        raise Problem(f"{name}: cannot be read as an image: {why}") from why
    if short_side is not None:
        image = image.resize(resized(image.size, short_side), INTERPOLATIONS[interpolation])
    width, height = image.size
    if min(width, height) < crop:
        raise Problem(f"{name}: {width} x {height} pixels; a crop of {crop} x {crop} needs at least as many")
    left, top = round((width - crop) / 2), round((height - crop) / 2)
    return np.asarray(image.crop((left, top, left + crop, top + crop))), mode
