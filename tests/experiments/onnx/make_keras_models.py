#!/usr/bin/env python3
"""Writes small models as Keras and tf2onnx do: make_keras_models.py FOLDER. Exit code 77 without them."""

import os
import sys

try:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras
    import tensorflow as tf
    from keras import layers
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)


def chain(*stages, channels=3):
    x = first = keras.Input((20, 18, channels))
    for stage in stages:
        x = stage(x)
    return keras.Model(first, x)


def residual(x):
    a = layers.BatchNormalization()(layers.Conv2D(8, 3, padding="same", use_bias=False)(x))
    return layers.ReLU()(layers.Add()([layers.Conv2D(8, 1)(x), a]))


def excited(x):
    gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
    gate = layers.Conv2D(8, 1, activation="sigmoid")(layers.Conv2D(2, 1, activation="relu")(gate))
    return layers.Multiply()([x, gate])


def branches(x):
    return layers.Concatenate()([layers.Conv2D(4, 1)(x), layers.Conv2D(6, 3, padding="same", activation="relu")(x)])


MODELS = {
    "plain": lambda: chain(
        layers.Conv2D(8, (3, 5), strides=2, padding="same", activation="relu"), layers.Conv2D(8, 4, strides=(1, 2)),
        layers.Flatten(), layers.Dense(5)),
    "separable": lambda: chain(
        layers.Conv2D(8, 3, use_bias=False), layers.BatchNormalization(), layers.ReLU(6.0),
        layers.DepthwiseConv2D(3, strides=2, padding="same", use_bias=False), layers.BatchNormalization(),
        layers.Activation("relu6"), layers.Conv2D(12, 1, use_bias=False), layers.BatchNormalization(), layers.ReLU(),
        layers.GlobalAveragePooling2D(), layers.Dropout(0.5), layers.Dense(5, activation="softmax")),
    "gray": lambda: chain(
        layers.Conv2D(4, 3, activation="relu"), layers.MaxPooling2D(), layers.Flatten(), layers.Dense(5), channels=1),
    "residual": lambda: chain(residual, excited, layers.GlobalAveragePooling2D(), layers.Dense(5)),
    "branches": lambda: chain(branches, layers.AveragePooling2D(3, strides=2, padding="same"),
                              layers.GlobalAveragePooling2D(), layers.Dense(5)),
    "padded": lambda: chain(
        layers.ZeroPadding2D(((0, 1), (0, 1))), layers.Conv2D(8, 3, strides=2, activation="hard_silu"),
        layers.Conv2D(8, 3, activation=layers.LeakyReLU(0.2)), layers.MaxPooling2D(3, strides=2, padding="same"),
        layers.Reshape((-1,)), layers.Dense(7, activation="relu"), layers.Dense(5)),
}


def with_values(model):
    rng = __import__("numpy").random.default_rng(3)
    for weight in model.weights:
        if weight.name in ("gamma", "moving_variance"):
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
        if weight.name in ("beta", "moving_mean", "bias"):
            weight.assign(rng.normal(0, 0.3, weight.shape))
    return model


def main(folder):
    keras.utils.set_random_seed(1)
    for name, make in MODELS.items():
        model = with_values(make())
        try:
            import tf2onnx

            signature = [tf.TensorSpec([None, *model.input_shape[1:]], tf.float32, name="image")]

            @tf.function(input_signature=signature)
            def function(x, model=model):
                return model(x, training=False)

            for opset in (11, 18):
                tf2onnx.convert.from_function(function, input_signature=signature, opset=opset,
                                              output_path=os.path.join(folder, f"tf2onnx_{name}_{opset}.onnx"))
        except ImportError as missing:
            print(f"left out: {missing}")
        if hasattr(model, "export"):
            try:
                model.export(os.path.join(folder, f"keras_{name}.onnx"), format="onnx", verbose=False)
            except Exception as why:  # pylint: disable=broad-exception-caught
                print(f"left out, Keras' own export of {name}: {why}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
