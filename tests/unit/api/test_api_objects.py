"""The nine operations as requests, and pages as an iterator. The far side is a function."""

import json
from urllib.parse import parse_qsl, unquote

import httpx
import pytest

from runloop_jupyter.api.http import Service
from runloop_jupyter.api.objects import Filter, Objects
from runloop_jupyter.secret import Secret
from runloop_jupyter.wire.objects import ObjectCreateParameters


def view(number, **more):
    fields = {
        "id": f"obj_{number}",
        "name": "n",
        "state": "READ_ONLY",
        "content_type": "text",
        "create_time_ms": number,
    }
    return {**fields, **more}


class Far:
    def __init__(self, answer):
        self.answer = answer
        self.requests = []
        self.objects = Objects(
            Service("https://far.example", Secret("k"), label="far", transport=httpx.MockTransport(self.respond))
        )

    def respond(self, request):
        self.requests.append(request)
        body = (
            self.answer(dict(parse_qsl(request.url.query.decode(), keep_blank_values=True)))
            if callable(self.answer)
            else self.answer
        )
        return httpx.Response(200, json=body)

    @property
    def said(self):
        request = self.requests[-1]
        return f"{request.method} {request.url.raw_path.decode()}"


@pytest.mark.parametrize(
    ("call", "said", "body"),
    [
        (lambda o: o.get("obj_1"), "GET /v1/objects/obj_1", None),
        (lambda o: o.complete("obj_1"), "POST /v1/objects/obj_1/complete", {}),
        (lambda o: o.delete("obj_1"), "POST /v1/objects/obj_1/delete", {}),
        (
            lambda o: o.create(ObjectCreateParameters(name="n", content_type="text", ttl_ms=5)),
            "POST /v1/objects",
            {"name": "n", "content_type": "text", "metadata": None, "ttl_ms": 5},
        ),
    ],
)
def test_operations_on_one_object(call, said, body):
    far = Far(view(1))
    assert call(far.objects).id == "obj_1"
    assert far.said == said
    assert body is None or json.loads(far.requests[0].content) == body


def test_a_download_link_is_a_secret():
    far = Far({"download_url": "https://s3/x?sig=1"})
    assert far.objects.download_url("obj_1", duration_seconds=60) == Secret("https://s3/x?sig=1")
    assert far.said == "GET /v1/objects/obj_1/download?duration_seconds=60"


def test_metadata_keys_and_values():
    far = Far({"keys": ["a", "b"]})
    assert far.objects.metadata_keys() == (["a", "b"], None)
    far = Far({"key": "a/b", "values": ["1"]})
    assert far.objects.metadata_values("a/b") == (["1"], None)
    assert far.said == "GET /v1/objects/metadata/keys/a%2Fb/values?include_counts=true"


@pytest.mark.parametrize(("counts", "believed"), [([3, 1], [3, 1]), ([3], None), ([], None)])
def test_counts_are_believed_where_there_is_one_for_each(counts, believed):
    assert Far({"keys": ["a", "b"], "counts": counts}).objects.metadata_keys().counts == believed


def test_facets_are_asked_for_under_the_filters_of_a_list():
    far = Far({"facets": [{"key": "a,b", "values": ["x"], "counts": [3], "distinct": 9}], "objects": 7})
    found = far.objects.facets(["a,b"], Filter(state="READ_ONLY", metadata={"k": "v"}), limit=1)
    assert (found.facets[0].values, found.facets[0].counts, found.facets[0].distinct) == (["x"], [3], 9)
    assert (found.objects, found.complete) == (7, False)
    asked = "state=READ_ONLY&metadata[k]=v&key=a,b&limit=1"
    assert unquote(far.said) == f"GET /v1/objects/metadata/facets?{asked}"


@pytest.mark.parametrize("status", [400, 404])
def test_a_service_without_facets_is_no_error(status):
    far = Far(None)
    far.respond = lambda request: httpx.Response(status, json={"message": "no such object"})
    service = Service("https://far.example", Secret("k"), label="far", transport=httpx.MockTransport(far.respond))
    assert Objects(service).facets(["k"]) is None


@pytest.mark.parametrize("answer", [{}, {"objects": 3}, {"facets": [{"key": "other"}]}])
def test_an_answer_that_is_about_something_else_is_no_facets(answer):
    assert Far(answer).objects.facets(["k"]) is None


@pytest.mark.parametrize("where", [Filter(metadata={"a]": "v"}), Filter(name="\ud800")])
def test_facets_of_less_than_was_asked_for_are_not_asked_for(where):
    far = Far({})
    assert far.objects.facets(["k"], where) is None
    assert far.objects.facets(["\ud800"]) is None
    assert far.requests == []


@pytest.mark.parametrize("key", ["", "a]", "x][in", "a" * 3000, "\ud800"])
def test_a_key_that_no_parameter_can_say_is_matched_here(key):
    far = Far({"objects": [view(1, metadata={"k": "v"}), view(2)], "has_more": False})
    assert far.objects.list(Filter(metadata={key: "v"})).objects == []
    assert "metadata" not in far.requests[0].url.query.decode()


@pytest.mark.parametrize("hostile", ["../../v1/devboxes", "..", ".", "a/b?c=d#e", "a%2Fb", "ü 文"])
def test_an_id_stays_one_segment_of_the_path(hostile):
    far = Far(view(1))
    far.objects.get(hostile)
    path = far.requests[0].url.raw_path.decode()
    prefix, _, segment = path.rpartition("/")
    assert prefix == "/v1/objects"
    assert unquote(segment) == hostile


def test_every_filter_is_sent():
    far = Far({"objects": [], "has_more": False})
    where = Filter("na", "text", "READ_ONLY", "se", {"k": "v", "m": ("1", "2")})
    far.objects.list(where, limit=7, starting_after="obj_9", include_total_count=True)
    assert dict(parse_qsl(far.requests[0].url.query.decode())) == {
        "name": "na",
        "content_type": "text",
        "state": "READ_ONLY",
        "search": "se",
        "metadata[k]": "v",
        "metadata[m][in]": "1,2",
        "limit": "7",
        "starting_after": "obj_9",
        "include_total_count": "true",
    }


def test_public_objects_have_a_list_of_their_own():
    far = Far({"objects": [view(1)], "has_more": False, "total_count": 1})
    assert far.objects.list_public(limit=1).total_count == 1
    assert far.said.startswith("GET /v1/objects/list_public?")


def test_a_server_that_does_not_know_metadata_filters_changes_no_answer():
    everything = [view(1, metadata={"k": "v"}), view(2, metadata={"k": "other"}), view(3), view(4, metadata={"k": "v"})]
    far = Far({"objects": everything, "has_more": False, "total_count": 4})
    page = far.objects.list(Filter(metadata={"k": "v"}))
    assert [each.id for each in page.objects] == ["obj_1", "obj_4"]
    assert page.total_count is None


def test_values_with_a_comma_are_matched_here_for_they_cannot_be_said():
    far = Far({"objects": [view(1, metadata={"k": "a,b"}), view(2, metadata={"k": "a"})], "has_more": False})
    page = far.objects.list(Filter(metadata={"k": ("a,b", "c")}))
    assert [each.id for each in page.objects] == ["obj_1"]
    assert "metadata" not in far.requests[0].url.query.decode()


def paged(total, size):
    """A server with `total` objects, newest first, `size` a page."""
    ids = [f"obj_{number}" for number in range(total)]

    def answer(params):
        start = ids.index(params["starting_after"]) + 1 if "starting_after" in params else 0
        objects = [
            view(number, metadata={"even": str(number % 2 == 0)}) for number in range(start, min(total, start + size))
        ]
        return {"objects": objects, "has_more": start + size < total}

    return answer


@pytest.mark.parametrize(("total", "size"), [(0, 3), (1, 3), (3, 3), (7, 3), (9, 3)])
def test_pages_yield_every_object_once_in_order(total, size):
    far = Far(paged(total, size))
    found = [each.create_time_ms for page in far.objects.pages(limit=size) for each in page.objects]
    assert found == list(range(total))
    assert len(far.requests) == max(1, -(-total // size))


def test_the_cursor_is_the_servers_last_even_where_the_filter_dropped_it():
    far = Far(paged(10, 2))
    found = [
        each.create_time_ms for page in far.objects.pages(Filter(metadata={"even": "True"})) for each in page.objects
    ]
    assert found == [0, 2, 4, 6, 8]


def test_pages_are_fetched_only_as_they_are_asked_for():
    far = Far(paged(100, 10))
    next(far.objects.pages(limit=10))
    assert len(far.requests) == 1


def test_a_server_that_repeats_a_page_for_ever_is_left():
    far = Far(lambda params: {"objects": [view(1)], "has_more": True})
    assert len(list(far.objects.pages())) == 2


def test_an_empty_page_that_claims_more_is_the_end():
    far = Far(lambda params: {"objects": [], "has_more": True})
    assert len(list(far.objects.pages())) == 1


def test_who_listens_is_told_of_what_is_completed_and_deleted():
    far = Far(view(3))
    told = []
    stop = far.objects.changed.listen(told.append)
    far.objects.complete("obj_3")
    far.objects.delete("obj_3")
    far.objects.get("obj_3")
    stop()
    far.objects.delete("obj_3")
    assert [each.id for each in told] == ["obj_3", "obj_3"]
