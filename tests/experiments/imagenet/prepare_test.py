#!/usr/bin/python3
"""Prepares small folders and archives of images, and compares the HDF5 with Pillow called directly.

prepare_test.py FOLDER_OF_PREPARE. Exit code 77, shown as skipped, where a package is missing.
"""
import contextlib
import io
import os
import pathlib
import sys
import tarfile
import tempfile

sys.dont_write_bytecode = True
try:
    import h5py
    import numpy as np
    from PIL import Image
except ImportError as missing:
    print(f"skipped: {missing}; install python3-h5py python3-pil")
    sys.exit(77)

sys.path.insert(0, sys.argv[1])
import image_labels  # noqa: E402
import prepare  # noqa: E402
from problem import Problem  # noqa: E402

SIZES = ((40, 30), (30, 50), (33, 33), (64, 47))


def call(*words):
    """(exit code, printed, said on the error stream)."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = prepare.main([str(word) for word in words])
    return code, out.getvalue(), err.getvalue()


def make_images(folder, names=("a.png", "b.png", "c.png", "d.png"), mode="RGB"):
    random = np.random.default_rng(1)
    folder.mkdir(parents=True, exist_ok=True)
    for name, (width, height) in zip(names, SIZES):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(pixels).convert(mode).save(folder / name)
    return folder


def labelled(folder):
    make_images(folder)
    (folder / "labels.txt").write_text("c.png 7 seven\n./a.png 0\nb.png 3\nd.png 0 again\n")
    return folder


def small(images, output, *more):
    return call(images, output, "--resize", 28, "--crop", 24, *more)


def refused(expected, *words):
    code, _, said = small(*words)
    assert code == 1 and expected in said, (expected, said)
    assert not list(pathlib.Path(words[1]).parent.glob("*.part"))
    return said


def expected_pixels(path, interpolation):
    image = Image.open(path).convert("RGB")
    factor = 28 / min(image.size)
    size = tuple(28 if side == min(image.size) else int(side * factor + 1e-9) for side in image.size)
    pixels = np.asarray(image.resize(size, interpolation))
    top, left = (round((side - 24) / 2) for side in pixels.shape[:2])
    return pixels[top:top + 24, left:left + 24]


def pixels_are_those_of_pillow(folder):
    images = labelled(folder / "images")
    for name, interpolation in (("bilinear", Image.BILINEAR), ("bicubic", Image.BICUBIC)):
        output = folder / f"{name}.h5"
        code, printed, _ = small(images, output, "--interpolation", name)
        assert code == 0 and f"file: {name}.h5" in printed and "classes: 8}" in printed, printed
        with h5py.File(output) as f:
            assert f["test_x"].shape == (4, 24, 24, 3) and f["test_x"].dtype == np.uint8
            for row, file in enumerate(("a.png", "b.png", "c.png", "d.png")):
                assert np.array_equal(f["test_x"][row], expected_pixels(images / file, interpolation)), file
            assert list(f["test_y"]) == [0, 3, 7, 0]
            assert list(f["test_file"]) == [b"a.png", b"b.png", b"c.png", b"d.png"]
            assert f.attrs["interpolation"] == name and f.attrs["resize"] == 28 and f.attrs["crop"] == 24


def an_archive_gives_what_its_folder_gives(folder):
    images = labelled(folder / "images")
    small(images, folder / "folder.h5")
    for mode, names in (("w", ("d.png", "labels.txt", "b.png", "c.png", "a.png")),
                        ("w:gz", ("a.png", "d.png", "c.png", "b.png", "labels.txt"))):
        with tarfile.open(folder / "images.tar", mode) as tar:
            for name in names:
                tar.add(images / name, "./" + name)
        assert small(folder / "images.tar", folder / "tar.h5", "--force")[0] == 0
        with h5py.File(folder / "folder.h5") as a, h5py.File(folder / "tar.h5") as b:
            assert sorted(a) == sorted(b)
            assert all(np.array_equal(a[name], b[name]) for name in a)


def other_modes_become_rgb_and_are_counted(folder):
    images = make_images(folder / "images", ("a.jpg",), "L")
    make_images(folder / "images", ("b.jpg",), "CMYK")
    (folder / "images" / "labels.txt").write_text("a.jpg 0\nb.jpg 1\n")
    code, _, said = small(images, folder / "out.h5")
    assert code == 0 and "1 images of mode CMYK were converted" in said and "1 images of mode L" in said, said
    with h5py.File(folder / "out.h5") as f:
        gray = f["test_x"][0]
        assert np.array_equal(gray[..., 0], gray[..., 1]) and f.attrs["modes"] == "CMYK: 1, L: 1"


def test_images_serve_as_the_training_set_stored_once(folder):
    small(labelled(folder / "images"), folder / "out.h5", "--label-offset", 1, 0)
    with h5py.File(folder / "out.h5") as f:
        assert f["train_x"] == f["test_x"] and f["train_y"] == f["test_y"]  # one object under two names
        assert list(f["test_y"]) == [1, 4, 8, 1] and list(f["train_y_offset_0"]) == [0, 3, 7, 0]
        assert f.attrs["calibration"] == "the test images"


def held_out_images_are_in_one_split_only(folder):
    images = labelled(folder / "images")
    chosen = []
    for seed in (0, 0, 1, 2):
        assert small(images, folder / "out.h5", "--calibration", 1, "--seed", seed, "--force")[0] == 0
        with h5py.File(folder / "out.h5") as f:
            train, test = list(f["train_file"]), list(f["test_file"])
            assert len(train) == 1 and sorted(train + test) == [b"a.png", b"b.png", b"c.png", b"d.png"]
            name = train[0].decode()
            assert np.array_equal(f["train_x"][0], expected_pixels(images / name, Image.BILINEAR))
            assert f["train_y"][0] == {"a.png": 0, "b.png": 3, "c.png": 7, "d.png": 0}[name]
        chosen.append(train)
    assert chosen[0] == chosen[1] and len(set(map(tuple, chosen))) > 1
    refused("--calibration 4; accepted: 0 to 3", images, folder / "more.h5", "--calibration", 4)


def chunks_hold_several_images_in_a_shuffled_order(folder):
    images = labelled(folder / "images")
    small(images, folder / "sorted.h5")
    orders = []
    for seed in (0, 0, 3):
        assert small(images, folder / "out.h5", "--chunk", 3, "--seed", seed, "--force")[0] == 0
        with h5py.File(folder / "out.h5") as f, h5py.File(folder / "sorted.h5") as expected:
            assert f["test_x"].chunks == (3, 24, 24, 3) and expected["test_x"].chunks == (1, 24, 24, 3)
            assert f.attrs["order"] == f"shuffled by seed {seed}" and expected.attrs["order"] == "sorted by name"
            order = [list(expected["test_file"]).index(name) for name in f["test_file"]]
            assert sorted(order) == [0, 1, 2, 3]
            for row, place in enumerate(order):
                assert np.array_equal(f["test_x"][row], expected["test_x"][place])
                assert f["test_y"][row] == expected["test_y"][place]
        orders.append(order)
    assert orders[0] == orders[1] != orders[2] and [0, 1, 2, 3] not in orders, orders
    refused("--chunk 0; accepted: at least 1", images, folder / "more.h5", "--chunk", 0)


def bad_input_is_named_and_leaves_no_file(folder):
    images = labelled(folder / "images")
    output = folder / "out.h5"
    (images / "e.png").write_bytes(b"no image")
    refused("no label for e.png", images, output)
    with open(images / "labels.txt", "a") as f:
        f.write("e.png 1\n")
    refused("e.png: cannot be read as an image", images, output)
    whole = (images / "d.png").read_bytes()
    (images / "e.png").write_bytes(whole[:len(whole) // 2])
    refused("e.png: cannot be read as an image", images, output)
    os.remove(images / "e.png")
    refused("1 of 5 labelled images are missing, the first one e.png", images, output)
    (images / "labels.txt").write_text("a.png x\n")
    refused("line 1: 'x'; expected a whole number", images, output)
    (images / "labels.txt").write_text("a.png 3000000000\n")
    refused("line 1: class 3000000000; accepted: up to 1000000", images, output)
    (images / "labels.txt").write_text("a.png 1\na.png 2\n")
    refused("line 2: a.png is labelled a second time", images, output)
    latin = "a.png 1\nb.png 2\nc\u00e9.png 3\n".encode("latin-1")
    (images / "labels.txt").write_bytes(latin)
    refused("labels.txt: line 3: byte 0xe9; accepted: text in UTF-8", images, output)
    (folder / "latin").write_bytes(latin)
    os.remove(images / "labels.txt")
    refused(f"{folder / 'latin'}: line 3: byte 0xe9; accepted: text in UTF-8", images, output, "--labels", folder / "latin")
    refused("line 3: byte 0xe9", images, output, "--synsets", folder / "latin")
    refused("no label for a.png; expected a label file", images, output)
    refused("no such file", folder / "nothing", output)
    (folder / "text").write_text("text")
    refused("accepted: a folder or a tar archive", folder / "text", output)
    (folder / "empty").mkdir()
    refused("holds no images", folder / "empty", output)
    assert not output.exists()


def every_image_is_taken_once_and_from_a_file(folder):
    images, output, archive = labelled(folder / "images"), folder / "out.h5", folder / "images.tar"

    def refuse_archive(expected, name, kind=tarfile.REGTYPE):
        with tarfile.open(archive, "w") as tar:
            tar.add(images, ".")
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, "a.png"
            tar.addfile(entry)
        refused(expected, archive, output)
    refuse_archive("holds a.png twice; accepted: each name once", "a.png")
    refuse_archive("e.png is a link or a device; accepted: files", "e.png", tarfile.SYMTYPE)
    refuse_archive("e.png is a link or a device; accepted: files", "e.png", tarfile.LNKTYPE)
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(images, ".")
    archive.write_bytes(archive.read_bytes()[:-1000])
    refused("accepted: a folder or a tar archive", archive, output)
    (images / "again").symlink_to(".")
    refused("again: a link to a folder whose files are here already", images, output)
    os.remove(images / "again")
    os.remove(images / "a.png")
    os.mkfifo(images / "a.png")
    refused("a.png: is no regular file", images, output)
    assert not output.exists()


def a_small_image_needs_resizing(folder):
    images = labelled(folder / "images")
    code, _, said = call(images, folder / "out.h5", "--resize", "none", "--crop", 32)
    assert code == 1 and "a.png: 40 x 30 pixels; a crop of 32 x 32 needs at least as many" in said, said
    code, _, _ = call(images, folder / "out.h5", "--resize", "none", "--crop", 30)
    assert code == 0
    with h5py.File(folder / "out.h5") as f:
        assert np.array_equal(f["test_x"][0], np.asarray(Image.open(images / "a.png"))[:, 5:35])
        assert f.attrs["resize"] == "none"


def a_result_is_not_overwritten_unasked(folder):
    images = labelled(folder / "images")
    assert small(images, folder / "out.h5")[0] == 0
    refused("is there already; --force overwrites it", images, folder / "out.h5")
    assert small(images, folder / "out.h5", "--force")[0] == 0


def folders_are_classes_in_sorted_order(folder):
    images = make_images(folder / "images", ("dog/1.png", "cat/1.png", "cat/2.png", "emu/x.png"))
    assert small(images, folder / "out.h5")[0] == 0
    with h5py.File(folder / "out.h5") as f:
        assert dict(zip(f["test_file"], f["test_y"])) == {b"cat/1.png": 0, b"cat/2.png": 0, b"dog/1.png": 1,
                                                          b"emu/x.png": 2}


def folders_of_some_synsets_need_the_list_of_all(folder):
    images = make_images(folder / "images", ("n01440764/1.png", "n01443537/1.png"))
    refused("2 folders named by synsets; their classes need all 1000, or --synsets", images, folder / "out.h5")
    (folder / "list").write_text("n01484850 shark\nn01443537 goldfish\nn01440764 tench\n")
    assert small(images, folder / "out.h5", "--synsets", folder / "list")[0] == 0
    with h5py.File(folder / "out.h5") as f:
        assert list(f["test_y"]) == [2, 1]
    (folder / "list").write_text("n01484850\nn01443537\n")
    refused("n01440764 is not in the list of synsets", images, folder / "b.h5", "--synsets", folder / "list")


def the_devkits_numbers_are_turned_into_classes(folder):
    images = make_images(folder / "images", tuple(f"ILSVRC2012_val_0000000{i}.JPEG" for i in (1, 2, 3, 4)))
    (folder / "truth.txt").write_text("1000\n1\n2\n1000\n")
    assert small(images, folder / "as_told.h5", "--labels", folder / "truth.txt")[0] == 0
    synsets = [f"n{(7919 * i) % 100000000:08d}" for i in range(1, 1001)]
    lines = [f"{i + 1} {synset}" for i, synset in enumerate(synsets)] + ["1001 n00001740"]
    (folder / "meta.txt").write_text("\n".join(lines) + "\n")
    assert small(images, folder / "out.h5", "--labels", folder / "truth.txt", "--meta", folder / "meta.txt")[0] == 0
    order = sorted(synsets)
    with h5py.File(folder / "as_told.h5") as told, h5py.File(folder / "out.h5") as f:
        assert list(told["test_y"]) == [1000, 1, 2, 1000]
        assert list(f["test_y"]) == [order.index(synsets[i - 1]) for i in (1000, 1, 2, 1000)]
    (folder / "truth.txt").write_text("1\n2\n")
    refused("2 labels for 4 images", images, folder / "b.h5", "--labels", folder / "truth.txt")


def a_name_that_fits_two_images_is_refused(_):
    images = ["a/1.png", "b/1.png"]
    assert image_labels.labels_of("x", "b/1.png 1\na/1.png 0\n", images) == [0, 1]
    try:
        image_labels.labels_of("x", "1.png 1\n", images)
    except Problem as problem:
        assert "1.png names two images" in str(problem)
    else:
        raise AssertionError("accepted")


def the_shared_sample_is_prepared(folder):
    sample = pathlib.Path(os.environ.get("QUANTDYN_SHARED", sys.argv[2])) / "data/imagenet-sample/images.tar"
    if not sample.is_file():
        print(f"not tried: needs {sample}")
        return
    assert call(sample, folder / "out.h5", "--resize", "none", "--label-offset", 1, 0)[0] == 0
    with h5py.File(folder / "out.h5") as f, tarfile.open(sample) as tar:
        assert f["test_x"].shape == (1000, 224, 224, 3)
        assert list(f["test_y"]) == list(range(1, 1001)) and list(f["test_y_offset_0"]) == list(range(1000))
        for row in (0, 500, 999):
            image = Image.open(tar.extractfile("./" + f["test_file"][row].decode()))
            assert np.array_equal(f["test_x"][row], np.asarray(image.convert("RGB")))


def main():
    facts = [pixels_are_those_of_pillow, an_archive_gives_what_its_folder_gives,
             other_modes_become_rgb_and_are_counted, test_images_serve_as_the_training_set_stored_once,
             held_out_images_are_in_one_split_only, chunks_hold_several_images_in_a_shuffled_order,
             bad_input_is_named_and_leaves_no_file,
             every_image_is_taken_once_and_from_a_file, a_small_image_needs_resizing,
             a_result_is_not_overwritten_unasked, folders_are_classes_in_sorted_order,
             folders_of_some_synsets_need_the_list_of_all, the_devkits_numbers_are_turned_into_classes,
             a_name_that_fits_two_images_is_refused, the_shared_sample_is_prepared]
    for fact in facts:
        with tempfile.TemporaryDirectory() as folder:
            fact(pathlib.Path(folder))
        print(fact.__name__)


main()
