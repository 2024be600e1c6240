"""Hostile Keras files: archives of Keras 3 and 2, and legacy HDF5."""

import io
import json
import shutil
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import h5py
import tf_keras

import zoo
from faults.hostile.bait import Bait, Case, Layer

Edit = Callable[[Any], None]
CONFIG: Final = "config.json"
WEIGHTS: Final = "model.weights.h5"


def archive(path: Path, source: str = "structured.keras", **members: bytes) -> None:
    """A file of the zoo with some members replaced; a dot in a name is written ``__``."""
    replaced = {name.replace("__", "."): content for name, content in members.items()}
    with zipfile.ZipFile(zoo.small(source)) as good, zipfile.ZipFile(path, "w") as bad:
        for entry in good.infolist():
            bad.writestr(entry.filename, replaced.get(entry.filename, good.read(entry)))


def with_config(path: Path, edit: Edit, source: str = "structured.keras") -> None:
    """A file of the zoo with another configuration."""
    with zipfile.ZipFile(zoo.small(source)) as good:
        config = json.loads(good.read(CONFIG))
    edit(config)
    archive(path, source, config__json=json.dumps(config).encode())


def with_weights(path: Path, edit: Edit) -> None:
    """A file of the zoo with other weights."""
    with zipfile.ZipFile(zoo.small("structured.keras")) as good:
        content = io.BytesIO(good.read(WEIGHTS))
    with h5py.File(content, "r+") as file:
        edit(file)
    archive(path, model__weights__h5=content.getvalue())


def first_layer(config: Any, kind: str) -> Any:
    """The configuration of the first layer of a kind."""
    return next(
        layer["config"] for layer in config["config"]["layers"] if layer["class_name"] == kind
    )


def gadget(module: str, name: str, argument: str) -> Edit:
    """Puts a function in the place of an initialiser of a Dense layer."""

    def edit(config: Any) -> None:
        first_layer(config, "Dense")["kernel_initializer"] = {
            "module": module,
            "class_name": name,
            "config": {"command": argument},
            "registered_name": None,
        }

    return edit


def run_program(path: Path, bait: Bait) -> None:
    command = f"touch {bait.canary('program')}"
    with_config(path, gadget("os", "system", command), "keras_2.keras")


def fetch_file(path: Path, bait: Bait) -> None:
    with_config(path, gadget("keras.utils", "get_file", "http://127.0.0.1:1/x"), "keras_2.keras")


def vocabulary(path: Path, bait: Bait) -> None:
    def edit(config: Any) -> None:
        config["config"]["layers"].append(
            {
                "module": "keras.layers",
                "class_name": "StringLookup",
                "config": {"name": "lookup", "vocabulary": bait.secret},
                "registered_name": None,
                "name": "lookup",
                "inbound_nodes": [],
            }
        )

    with_config(path, edit)


def absurd_units(path: Path, bait: Bait) -> None:
    with_config(path, lambda config: first_layer(config, "Dense").update(units=2_000_000_000))


def deep_config(path: Path, bait: Bait) -> None:
    depth = 400
    nested = f'{{"class_name": "Model", "config": {"[" * depth}{"]" * depth}}}'
    archive(path, config__json=nested.encode())


def zip_bomb(path: Path, bait: Bait) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bad:
        for name in (CONFIG, "metadata.json", WEIGHTS):
            with bad.open(name, "w") as member:
                for _ in range(100):
                    member.write(bytes(2**20))


def traversal(path: Path, bait: Bait) -> None:
    archive(path)
    with zipfile.ZipFile(path, "a") as bad:
        bad.writestr("../../../../escaped.txt", "x")


def twice(path: Path, bait: Bait) -> None:
    archive(path)
    with warnings.catch_warnings(), zipfile.ZipFile(path, "a") as bad:
        warnings.simplefilter("ignore", UserWarning)
        bad.writestr(CONFIG, "{}")


def weights_shape_bomb(path: Path, bait: Bait) -> None:
    def edit(file: Any) -> None:
        file.create_dataset("layers/bomb", shape=(60_000, 60_000), dtype="f4")

    with_weights(path, edit)


def weights_link(path: Path, bait: Bait) -> None:
    def edit(file: Any) -> None:
        file["layers/link"] = h5py.ExternalLink(bait.secret, "/x")

    with_weights(path, edit)


def dense_h5(path: Path, layer: Any = None) -> str:
    """A small model of Keras 2; gives the place of its kernel."""
    layers = [tf_keras.Input((4,)), tf_keras.layers.Dense(16, name="d")]
    model = tf_keras.Sequential([*layers, layer] if layer is not None else layers)
    model.save(str(path), save_format="h5")
    with h5py.File(path) as file:
        found: list[str] = []
        file.visit(lambda name: found.append(name) if name.endswith("kernel:0") else None)
    return found[0]


def h5_lambda(path: Path, bait: Bait) -> None:
    canary = bait.canary("lambda")
    dense_h5(path, tf_keras.layers.Lambda(lambda x: [x, Path(canary).write_text("")][0]))
    Path(canary).unlink()  # it ran while it was made


def replaced(path: Path, put: Callable[[Any, str], None]) -> None:
    """Another data set in the place of the kernel."""
    kernel = dense_h5(path)
    with h5py.File(path, "r+") as file:
        del file[kernel]
        put(file, kernel)


def h5_external(path: Path, bait: Bait) -> None:
    place = [(bait.secret, 0, 256)]
    replaced(
        path,
        lambda file, name: file.create_dataset(name, shape=(4, 16), dtype="f4", external=place),
    )


def h5_link(path: Path, bait: Bait) -> None:
    def put(file: Any, name: str) -> None:
        file[name] = h5py.ExternalLink(bait.secret, "/x")

    replaced(path, put)


def h5_virtual(path: Path, bait: Bait) -> None:
    def put(file: Any, name: str) -> None:
        layout = h5py.VirtualLayout(shape=(4, 16), dtype="f4")
        layout[:] = h5py.VirtualSource(bait.secret, "x", shape=(4, 16))
        file.create_virtual_dataset(name, layout)

    replaced(path, put)


def h5_shape_bomb(path: Path, bait: Bait) -> None:
    replaced(path, lambda file, name: file.create_dataset(name, (60_000, 60_000), "f4"))


def h5_truncated(path: Path, bait: Bait) -> None:
    dense_h5(path)
    path.write_bytes(path.read_bytes()[:-500])


def keras_lambda(path: Path, bait: Bait) -> None:
    shutil.copy(zoo.small("lambda.keras"), path)


def no_numbers(path: Path, bait: Bait) -> None:
    """A weight of a type that holds pointers."""

    def put(file: Any, name: str) -> None:
        file.create_dataset(name, data=["x"], dtype=h5py.string_dtype())

    replaced(path, put)


def _case(make: Callable[[Path, Bait], None], ending: str, layer: Layer, *codes: str) -> Case:
    name = f"{make.__name__}.{ending}"
    return Case(name=name, make=make, layer=layer, codes=frozenset(codes))


CASES: Final = (
    _case(keras_lambda, "keras", Layer.FORMAT, "lambda_layer"),
    _case(run_program, "keras", Layer.PREFLIGHT, "refused_module"),
    _case(fetch_file, "keras", Layer.PREFLIGHT, "refused_module"),
    _case(vocabulary, "keras", Layer.PREFLIGHT, "refused_operator"),
    _case(absurd_units, "keras", Layer.PREFLIGHT, "absurd_size"),
    _case(deep_config, "keras", Layer.PREFLIGHT, "absurd_size"),
    _case(zip_bomb, "keras", Layer.FORMAT, "refused", "refused_archive"),
    _case(traversal, "keras", Layer.PREFLIGHT, "refused_archive"),
    _case(twice, "keras", Layer.PREFLIGHT, "refused_archive"),
    _case(weights_shape_bomb, "keras", Layer.PREFLIGHT, "absurd_size"),
    _case(weights_link, "keras", Layer.PREFLIGHT, "refused_storage"),
    _case(h5_lambda, "h5", Layer.FORMAT, "lambda_layer"),
    _case(h5_external, "h5", Layer.PREFLIGHT, "refused_storage"),
    _case(h5_link, "h5", Layer.PREFLIGHT, "refused_storage"),
    _case(h5_virtual, "h5", Layer.PREFLIGHT, "refused_storage"),
    _case(h5_shape_bomb, "h5", Layer.PREFLIGHT, "absurd_size"),
    _case(h5_truncated, "h5", Layer.FORMAT, "refused"),
    _case(no_numbers, "h5", Layer.FORMAT, "conversion", "damaged_file", "custom_objects"),
)
