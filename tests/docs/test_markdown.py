"""How documents are taken apart."""

import pytest

from tests.docs.markdown import BadMarkdownError, Block, slug_of, split

TEXT = """\
# One
text with `code`
```sh
ls `pwd`
```
1. a list
   ```yaml
   a:
     b: 1
   ```
````
```
````
"""


def test_blocks_are_found_with_their_language_without_their_indent() -> None:
    blocks, prose = split("a.md", TEXT)
    assert blocks == [
        Block("a.md", 3, "sh", "ls `pwd`\n"),
        Block("a.md", 7, "yaml", "a:\n  b: 1\n"),
        Block("a.md", 11, "", "```\n"),
    ]
    assert blocks[1].where == "a.md:7"
    assert (
        prose.splitlines()
        == ["# One", "text with `code`", "", "", "", "1. a list", *[""] * 7][: len(prose.splitlines())]
    )
    assert "ls" not in prose


def test_a_block_without_an_end_is_named() -> None:
    with pytest.raises(BadMarkdownError, match=r"^a\.md:2: this block has no end"):
        split("a.md", "text\n```\nls\n")


@pytest.mark.parametrize(
    ("heading", "slug"),
    [
        ("When runs fail: maxConsecutiveFailures", "when-runs-fail-maxconsecutivefailures"),
        ("Where it is: `REDIS_URL`, or `--redis-url`", "where-it-is-redis_url-or---redis-url"),
        ("See [schedules](schedules.md)", "see-schedules"),
        ("A burst: 1,000 timers due at one instant", "a-burst-1000-timers-due-at-one-instant"),
    ],
)  # fmt: skip
def test_an_anchor_is_what_github_makes_of_a_heading(heading: str, slug: str) -> None:
    assert slug_of(heading) == slug
