"""Estimators predict the same when they come back; what could run code needs a flag, and bombs don't go off."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC

from runloop_jupyter.errors import DecodeError, MissingLibrary, NotEnoughMemory, UnsafeValue, UnsupportedValue
from runloop_jupyter.values import memory, registry
from runloop_jupyter.values.codec import Wish

X = np.random.default_rng(0).normal(size=(40, 3))
Y = (X[:, 0] > 0).astype(int)

MODELS = {
    "not fitted": LogisticRegression(C=0.3),
    "linear": LogisticRegression().fit(X, Y),
    "pipeline": make_pipeline(StandardScaler(), SVC()).fit(X, Y),
    "columns": make_pipeline(ColumnTransformer([("one", OneHotEncoder(handle_unknown="ignore"), [0])]), Ridge()).fit(
        X, Y
    ),
    "text": CountVectorizer().fit(["a word", "another"]),
}


@pytest.mark.parametrize("case", MODELS)
def test_a_model_of_harmless_types_comes_back_without_a_flag(store, case):
    model = MODELS[case]
    stored = store(model)
    back = stored.read()
    assert type(back) is type(model)
    assert repr(back.get_params()) == repr(model.get_params())
    assert "note" not in stored.facts
    if hasattr(model, "predict") and case != "not fitted":
        np.testing.assert_array_equal(back.predict(X), model.predict(X))


def test_other_types_are_named_and_need_trust(store):
    model = RandomForestClassifier(5, random_state=0).fit(X, Y)
    stored = store(model)
    assert stored.facts["note"] == "getting it back needs --trust, for sklearn.tree._tree.Tree"
    with pytest.raises(UnsafeValue, match=r"sklearn\.tree\._tree\.Tree; .* add --trust \(trust=True\)"):
        stored.read()
    np.testing.assert_array_equal(stored.read(trust=True).predict(X), model.predict(X))


def test_a_search_comes_back_with_what_it_found(store):
    model = GridSearchCV(Ridge(), {"alpha": [0.1, 1.0]}, cv=2).fit(X, Y)
    back = store(model).read(trust=True)
    assert back.best_params_ == model.best_params_
    np.testing.assert_array_equal(back.predict(X), model.predict(X))


def test_the_same_model_is_the_same_bytes_in_another_process(store):
    code = (
        "import sys, io, hashlib; from runloop_jupyter.values import registry; from sklearn.linear_model import Ridge;"
        "junk = [object() for _ in range(int(sys.argv[1]))]; model = Ridge().fit([[0.0], [1.0]], [1.0, 2.0]);"
        "file = io.BytesIO(); registry.codec_for(model).encode(model, file, lambda: None);"
        "print(hashlib.sha256(file.getvalue()).hexdigest())"
    )
    said = {
        subprocess.run([sys.executable, "-c", code, n], capture_output=True, text=True, check=True).stdout
        for n in ("1", "5000")
    }
    assert len(said) == 1


def test_two_attributes_of_one_array_keep_their_own(store):
    model = Ridge().fit(X, Y)
    model.one_, model.other_, model.again_ = np.arange(3.0), np.arange(3.0) + 1, model.coef_
    back = store(model).read()
    np.testing.assert_array_equal(back.one_, model.one_)
    np.testing.assert_array_equal(back.other_, model.other_)
    np.testing.assert_array_equal(back.again_, back.coef_)


def test_the_format_shows_in_the_first_bytes(store):
    assert registry.sniff(store(MODELS["linear"]).file.getvalue()[:4096], "a") == "skops"


@pytest.mark.parametrize(
    ("model", "fragment"),
    [
        (FunctionTransformer(lambda x: x), "or add --pickle"),
        (make_pipeline(FunctionTransformer(lambda x: x)), "or add --pickle"),
        (Ridge(alpha=object()), "or add --pickle"),
    ],
)
def test_what_skops_can_not_rebuild_is_refused(store, model, fragment):
    with pytest.raises(UnsupportedValue) as refusal:
        store(model)
    assert fragment in str(refusal.value)
    assert "\n" not in refusal.value._render_traceback_()[0]


def test_what_the_notebook_alone_knows_is_refused(store, monkeypatch):
    kind = type("Mine", (Ridge,), {"__module__": "__main__"})
    monkeypatch.setattr(sys.modules["__main__"], "Mine", kind, raising=False)
    with pytest.raises(UnsupportedValue, match=r"__main__\.Mine is known to this notebook alone"):
        store(kind())


def node(loader, module, name, number, content):
    return {
        "__class__": name,
        "__module__": module,
        "__loader__": loader,
        "__id__": number,
        "content": content,
    }


def schema(loader="ObjectNode", module="sklearn.linear_model._ridge", name="Ridge", content=None):
    keys = node("ListNode", "builtins", "list", 3, [])
    attributes = {**node("DictNode", "builtins", "dict", 2, {}), "key_types": keys}
    return {**node(loader, module, name, 1, content or attributes), "protocol": 2, "_skops_version": "0.16"}


def packed(schema, compression=zipfile.ZIP_STORED, **members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        archive.writestr("schema.json", schema if isinstance(schema, bytes) else json.dumps(schema))
        for name, data in members.items():
            archive.writestr(name, data)
    return file


HOSTILE = {
    "nothing": io.BytesIO(),
    "no zip": io.BytesIO(b"hello"),
    "no schema": packed(b""),
    "no JSON": packed(b"{nonsense"),
    "nesting": packed(b'{"a":' * 50_000 + b"1" + b"}" * 50_000),
    "a list": packed([]),
    "an unknown loader": packed(schema("PickleNode")),
    "no such class": packed(schema(module="sklearn.nowhere", name="Nothing")),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_is_no_model_is_an_error_in_one_line(case):
    with pytest.raises((DecodeError, UnsafeValue)) as caught:
        registry.decode("skops", HOSTILE[case], {})
    assert "\n" not in caught.value._render_traceback_()[0]


@pytest.mark.parametrize(
    ("loader", "module", "name"),
    [("FunctionNode", "os", "system"), ("TypeNode", "subprocess", "Popen"), ("ObjectNode", "builtins", "eval")],
)
def test_code_is_named_and_not_run(loader, module, name):
    content = {"module_path": module, "function": name} if loader == "FunctionNode" else None
    hostile = schema(loader, module, name, content)
    with pytest.raises(UnsafeValue, match=rf"{name}.*--trust"):
        registry.decode("skops", packed(hostile), {})


def test_a_bomb_is_refused_before_it_is_unpacked(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 256 << 20)
    file = packed(schema(), zipfile.ZIP_DEFLATED, **{"1.npy": b"\0" * (200 << 20)})
    assert len(file.getvalue()) < 1 << 20
    with pytest.raises(NotEnoughMemory):
        registry.decode("skops", file, {}, Wish(trust=True))


@pytest.mark.parametrize(("module", "package"), [("skops.io", "skops"), ("sklearn", "scikit-learn")])
def test_a_missing_library_is_named_as_it_is_installed(store, monkeypatch, module, package):
    stored = store(MODELS["linear"])
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingLibrary, match=f"%pip install {package} or --as path"):
        stored.read()
