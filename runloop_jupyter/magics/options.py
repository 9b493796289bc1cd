"""The options of each magic, its help and its examples."""

from __future__ import annotations

from typing import Final

from runloop_jupyter.actions.forms import FORMS, KINDS
from runloop_jupyter.magics.parser import Parser


def _put_parser() -> Parser:
    parser = Parser(
        "%rl_put",
        "Store a variable, a file or a folder as an object. Nothing is sent when the newest version under the name "
        "already is the same. As %%rl_put NAME it stores the text of the cell.",
        ["%rl_put df -m project=birds --ttl 30d", "%rl_put ./scans -n scans/batch-07", "%%rl_put notes.md"],
    )
    parser.add_argument("what", metavar="WHAT", help="a variable, or a path (./name where it could be either)")
    parser.add_argument("-n", "--name", help="the name to store it under; the variable's or file's own by default")
    parser.add_pairs("-m", "--metadata", metavar="K=V", help="metadata, one or more; can't be changed later")
    parser.add_argument("--ttl", help="how long it lives: 30d, 12h, 45m; for ever by default")
    parser.add_argument("--as", dest="form", metavar="FORMAT", help="the stored format, where several would do")
    parser.add_argument("--force", action="store_true", help="send it even if nothing changed")
    parser.add_argument("--pickle", action="store_true", help="pickle what has no other stored form")
    return parser


def _get_parser() -> Parser:
    parser = Parser(
        "%rl_get",
        "Give back what was put: a value as it was, a file or folder as a local path.",
        ["df = %rl_get penguins", "%rl_get penguins@-1 -o before", "%rl_get scans --to ./scans"],
    )
    parser.add_argument("what", metavar="WHAT", help="a name, name@version, an id, or $object")
    parser.add_argument("--as", dest="form", metavar="FORM", help=", ".join(FORMS))
    parser.add_argument("--to", metavar="PATH", help="write the stored bytes (a folder's files) to this local path")
    parser.add_argument("-o", "--out", metavar="VAR", help="put the value into this variable and show nothing")
    parser.add_argument("--allow-pickle", action="store_true", help="unpickle: runs code, only for what you trust")
    return parser


def _ls_parser() -> Parser:
    parser = Parser(
        "%rl_ls",
        "List objects, the newest version of each name, newest first.",
        ["%rl_ls", "%rl_ls runs/* -w model=resnet50", "%rl_ls --type table --limit 50"],
    )
    parser.add_argument("pattern", nargs="?", metavar="PATTERN", help="part of a name, or a pattern with * ? [ ]")
    parser.add_pairs("-w", "--where", metavar="K=V", help="metadata that must hold, one or more")
    parser.add_argument("--type", help=f"{', '.join(KINDS)}, a format or a content type")
    parser.add_argument("--limit", type=int, default=None, help="how many to show (20)")
    return parser


def _info_parser() -> Parser:
    parser = Parser(
        "%rl_info",
        "Show all facts about an object, its versions, and a look inside without fetching it whole.",
        ["%rl_info penguins", "%rl_info penguins@-1"],
    )
    parser.add_argument("what", metavar="WHAT", help="a name, name@version, an id, or $object")
    return parser


def _rm_parser() -> Parser:
    parser = Parser(
        "%rl_rm",
        "Delete objects, after saying which and asking. What is deleted can't be had back.",
        ["%rl_rm penguins@-1", "%rl_rm penguins --all-versions --dry-run", "%rl_rm scans -y"],
    )
    parser.add_argument("what", nargs="+", metavar="WHAT", help="names, name@version, ids, $objects")
    parser.add_argument("--all-versions", action="store_true", help="every version of a name that has several")
    parser.add_argument("--dry-run", action="store_true", help="say what would go, and delete nothing")
    parser.add_argument("-y", "--yes", action="store_true", help="don't ask")
    return parser


PARSERS: Final = {
    "rl_put": _put_parser(),
    "rl_get": _get_parser(),
    "rl_ls": _ls_parser(),
    "rl_info": _info_parser(),
    "rl_rm": _rm_parser(),
    "rl_status": Parser("%rl_status", "Show which store is used, how it is reached, what it holds.", ["%rl_status"]),
}
