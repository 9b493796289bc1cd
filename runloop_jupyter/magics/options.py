"""The options of each magic, its help and its examples."""

from __future__ import annotations

from typing import Final

from runloop_jupyter.actions.forms import FORMS, KINDS, MODES, SORTS
from runloop_jupyter.magics.parser import Parser


def _put_parser() -> Parser:
    parser = Parser(
        "%rl_put",
        "Store a variable, a file or a folder as an object. Nothing is sent when the newest version under the name "
        "already is the same. As %%rl_put NAME it stores the text of the cell.",
        [
            "%rl_put df -m project=birds --ttl 30d",
            "%rl_put ./scans -n scans/batch-07",
            "going = %rl_put big.bin --background",
            "%%rl_put notes.md",
        ],
    )
    parser.add_argument(
        "what", metavar="WHAT", help="a variable, a path (./name where it could be either) or a pattern of paths"
    )
    parser.add_argument("-n", "--name", help="the name to store it under; the variable's or file's own by default")
    parser.add_pairs("-m", "--metadata", metavar="K=V", help="metadata, one or more; can't be changed later")
    parser.add_argument("--ttl", help="how long it lives: 30d, 12h, 45m; for ever by default")
    parser.add_argument(
        "--as",
        dest="form",
        metavar="FORMAT",
        help="the stored format, where several would do; of a folder tar.gz or files (then only what changed is sent)",
    )
    parser.add_argument("--force", action="store_true", help="send it even if nothing changed")
    parser.add_argument("--pickle", action="store_true", help="pickle what has no other stored form")
    parser.add_argument("--background", action="store_true", help="return once it is packed, and send it behind")
    parser.add_argument(
        "--include-secrets", action="store_true", help="keep .env, keys and their like, left out of folders otherwise"
    )
    return parser


def _get_parser() -> Parser:
    parser = Parser(
        "%rl_get",
        "Give back what was put: a value as it was, a file or folder as a local path. A pattern with --to DIR writes "
        "all that it fits beneath that directory. With --background -o sets its variable between two cells, before "
        "the one that runs next once the value is here.",
        [
            "df = %rl_get penguins",
            "%rl_get penguins@-1 -o before --columns species,year",
            "%rl_get scans --to ./scans",
            "%rl_get scans/2.raw",
            "%rl_get 'runs/7/*' --to ./runs",
        ],
    )
    parser.add_argument("what", metavar="WHAT", help="a name, name@version, an id, $object, or folder/path")
    parser.add_argument("--as", dest="form", metavar="FORM", help=", ".join(FORMS))
    parser.add_argument("--columns", metavar="A,B", help="only these columns of a table, in this order")
    parser.add_argument("--head", type=int, metavar="N", help="only the first N rows, or lines of a text")
    parser.add_argument("--to", metavar="PATH", help="write the stored bytes (a folder's files) to this local path")
    parser.add_argument("-o", "--out", metavar="VAR", help="put the value into this variable and show nothing")
    parser.add_argument("--no-cache", action="store_true", help="fetch it anew, and keep nothing for the next time")
    parser.add_argument("--background", action="store_true", help="return at once, and get it behind")
    parser.add_argument("--allow-pickle", action="store_true", help="unpickle: runs code, only for what you trust")
    parser.add_argument(
        "--trust", action="store_true", help="rebuild a model's unknown types, or give an SVG with scripts"
    )
    return parser


def _ls_parser() -> Parser:
    parser = Parser(
        "%rl_ls",
        "List objects, of each name the newest version that fits, newest first.",
        ["%rl_ls runs/* -w model=resnet50 'acc>0.9'", "%rl_ls --since 30d --sort -size", "%rl_ls penguins --versions"],
    )
    parser.add_argument("pattern", nargs="?", metavar="PATTERN", help="part of a name, or a pattern with * ? [ ]")
    parser.add_pairs(
        "-w", "--where", metavar="K=V", help="metadata that must hold: k=v, k!=v, 'k>0.9', k<=9; k alone: has it"
    )
    parser.add_argument("--type", help=f"{', '.join(KINDS)}, a format or a content type")
    parser.add_argument("--since", metavar="WHEN", help="put since then: 30d (ago), or a date in UTC")
    parser.add_argument("--before", metavar="WHEN", help="put before then: 30d (ago), or a date in UTC")
    parser.add_argument("--expiring", metavar="TIME", help="those whose time ends within 7d")
    parser.add_dashed("--sort", metavar="COL", help=f"{', '.join(SORTS)} or a metadata key; -COL: greatest first")
    parser.add_argument("--limit", type=int, default=None, help="how many to show (20)")
    parser.add_argument("--versions", action="store_true", help="every version, also those that are gone")
    parser.add_argument("--public", action="store_true", help="the public objects of the service, by their ids")
    return parser


def _keys_parser() -> Parser:
    parser = Parser(
        "%rl_keys",
        "Show by which metadata objects can be found: the keys, or the values of one key.",
        ["%rl_keys", "%rl_keys model"],
    )
    parser.add_argument("key", nargs="?", metavar="KEY", help="show the values in use under this key")
    parser.add_argument("--limit", type=int, default=None, help="how many to show (50)")
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


def _keep_parser() -> Parser:
    parser = Parser(
        "%rl_keep",
        "Keep an object for ever: its bytes are sent again as a version without a time to live.",
        ["%rl_keep penguins", "%rl_keep penguins@-1 -n penguins-2026"],
    )
    parser.add_argument("what", metavar="WHAT", help="a name, name@version, an id, or $object")
    parser.add_argument("-n", "--name", help="the name to keep it under; its own by default")
    return parser


def _url_parser() -> Parser:
    parser = Parser(
        "%rl_url",
        "Make a link to download an object without a key. Who has it can use it until it expires.",
        ["%rl_url penguins", "%rl_url penguins --expires 12h"],
    )
    parser.add_argument("what", metavar="WHAT", help="a name, name@version, an id, or $object")
    parser.add_argument("--expires", metavar="TIME", help="how long it works: 1h by default, 7d at most")
    return parser


def _cp_parser() -> Parser:
    parser = Parser(
        "%rl_cp",
        "Copy between any two places: local paths, PROFILE:NAME, runloop://NAME, any URL that fsspec knows. From store "
        "to store a pattern carries every version, the oldest first, with metadata and what is left of its time.",
        ["%rl_cp ./runs runloop://runs/", "%rl_cp 'runloop://runs/*.csv' ./here/", "%rl_cp 'local:*' hosted:"],
    )
    parser.add_argument("source", metavar="SRC", help="a file, a folder, an object or a pattern")
    parser.add_argument("target", metavar="DST", help="a folder, or the copy's name; PROFILE: alone is a whole store")
    parser.add_argument("--dry-run", action="store_true", help="say what would be copied, and copy nothing")
    return parser


def _mount_parser() -> Parser:
    parser = Parser(
        "%rl_mount",
        "Show stored things under a directory, until %rl_umount or the end of this kernel: an object, a folder of "
        "names, a pattern, PROFILE: or what -w holds of. Alone: what is mounted. With --write what is saved there is "
        "saved as objects NAME/path; deleting a file there deletes nothing stored.",
        [
            "%rl_mount penguins data",
            "%rl_mount -w project=birds data --follow",
            "%rl_mount 'scans/*' scans --mode fuse",
            "%rl_mount --write results ./results",
        ],
    )
    parser.add_argument("what", nargs="*", metavar="WHAT DIR", help="what to show, and the directory to show it in")
    parser.add_pairs("-w", "--where", metavar="K=V", help="metadata that must hold, as in %%rl_ls")
    parser.add_argument(
        "--mode",
        default="auto",
        choices=MODES,
        help="link: fetch all of it; fuse: fetch what is read; auto picks and says which",
    )
    parser.add_argument("--follow", action="store_true", help="keep it up to date")
    parser.add_argument("--write", action="store_true", help="a folder to write in, saved as objects")
    parser.add_pairs("-m", "--metadata", metavar="K=V", help="with --write: attached to what is saved")
    parser.add_argument("--ttl", help="with --write: how long that lives: 30d, 12h; for ever by default")
    parser.add_argument("-y", "--yes", action="store_true", help="fetch, or adopt, however much it is")
    return parser


def _browse_parser() -> Parser:
    parser = Parser(
        "%rl_browse",
        "Open a browser on a store: search, narrow, preview, get, mount, link, upload, delete. It answers while a cell "
        "runs. PLACE is PROFILE: or a folder with its slash; without it all of the current store.",
        ["%rl_browse", "%rl_browse runs/ -w model=resnet50 --columns model,acc", "b = %rl_browse hosted:"],
    )
    parser.add_argument("place", nargs="?", metavar="PLACE", help="PROFILE:, a folder runs/, or both")
    parser.add_pairs("-w", "--where", metavar="K=V", help="metadata that must hold, as in %%rl_ls")
    parser.add_argument("--search", metavar="TEXT", help="part of the name, or the beginning of an id")
    parser.add_argument("--columns", metavar="A,B", help="metadata keys to show; by default those of most objects")
    parser.add_argument("-o", "--out", metavar="VAR", help="put the browser into this variable too")
    return parser


def _umount_parser() -> Parser:
    parser = Parser(
        "%rl_umount",
        "Let go of a directory: what was shown there is gone from it, and stays where it is stored. A folder to write "
        "in is saved first, and its files stay.",
        ["%rl_umount data", "%rl_umount --all"],
    )
    parser.add_argument("directory", nargs="?", metavar="DIR", help="which")
    parser.add_argument("--all", action="store_true", help="all that this kernel has mounted")
    return parser


def _cache_parser() -> Parser:
    parser = Parser(
        "%rl_cache",
        "Show what is kept of fetched objects on this machine, or clear it. The store keeps what it has. "
        "RUNLOOP_JUPYTER_CACHE_SIZE says how much may be kept.",
        ["%rl_cache", "%rl_cache clear penguins", "%rl_cache clear --all"],
    )
    parser.add_argument("act", nargs="?", choices=["clear"], metavar="clear", help="remove all but what is in use")
    parser.add_argument("what", nargs="*", metavar="WHAT", help="only these: names, name@version, ids, $objects")
    parser.add_argument("--all", action="store_true", help="also what is in use: paths given out lead nowhere then")
    return parser


def _transfers_parser() -> Parser:
    parser = Parser(
        "%rl_transfers",
        "Show what moves, what moved lately, and puts that were cut off; cancel, retry or resume them. A put that was "
        "cut off keeps what it had packed for a week; its time to live counts from when it is resumed.",
        ["%rl_transfers", "%rl_transfers cancel 3fa9", "%rl_transfers cancel --all", "%rl_transfers resume"],
    )
    parser.add_argument("verb", nargs="?", metavar="VERB", help="cancel, retry (what failed) or resume (unfinished)")
    parser.add_argument("id", nargs="?", metavar="ID", help="as shown; any unique beginning. resume: all without one")
    parser.add_argument("--all", action="store_true", help="everything that runs or is unfinished")
    parser.add_argument("--background", action="store_true", help="resume behind")
    return parser


def _login_parser() -> Parser:
    parser = Parser(
        "%rl_login",
        "Ask for an API key without showing it, check it with one call, and keep it in profiles.toml (0600).",
        ["%rl_login", "%rl_login work --url https://api.runloop.ai"],
    )
    parser.add_argument("profile", nargs="?", metavar="PROFILE", help="what to call it; hosted by default")
    parser.add_argument("--url", help="the service's URL, where it isn't Runloop's own")
    return parser


def _use_parser() -> Parser:
    parser = Parser(
        "%rl_use",
        "Use another profile for what comes next. What was made with a store keeps it.",
        ["%rl_use local", "%rl_use work --default"],
    )
    parser.add_argument("profile", metavar="PROFILE", help="local (the embedded store), env, or one that you logged in")
    parser.add_argument("--default", action="store_true", help="in new kernels too")
    return parser


PARSERS: Final = {
    "rl_put": _put_parser(),
    "rl_get": _get_parser(),
    "rl_ls": _ls_parser(),
    "rl_keys": _keys_parser(),
    "rl_info": _info_parser(),
    "rl_rm": _rm_parser(),
    "rl_keep": _keep_parser(),
    "rl_url": _url_parser(),
    "rl_cp": _cp_parser(),
    "rl_browse": _browse_parser(),
    "rl_mount": _mount_parser(),
    "rl_umount": _umount_parser(),
    "rl_cache": _cache_parser(),
    "rl_transfers": _transfers_parser(),
    "rl_status": Parser("%rl_status", "Show which store is used, how it is reached, what it holds.", ["%rl_status"]),
    "rl_login": _login_parser(),
    "rl_use": _use_parser(),
}
