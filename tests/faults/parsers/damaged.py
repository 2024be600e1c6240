"""Bytes that were once something valid: cut, spliced, and changed in places."""

from hypothesis import strategies as st


@st.composite
def damaged(draw: st.DrawFn, valid: bytes) -> bytes:
    """Damages a document that a parser knows.

    Args:
        draw: of hypothesis.
        valid: the document.
    """
    content = bytearray(valid)
    places = st.integers(0, max(len(valid) - 1, 0))
    for _ in range(draw(st.integers(1, 6))):
        place = draw(places)
        match draw(st.sampled_from(["set", "put", "cut", "copy", "end"])):
            case "set":
                content[place : place + 1] = draw(st.binary(min_size=1, max_size=1))
            case "put":
                content[place:place] = draw(st.binary(max_size=16))
            case "cut":
                del content[place : place + draw(st.integers(1, 16))]
            case "copy":
                other = draw(places)
                content[place : place + 8] = content[other : other + 8]
            case _:
                del content[place:]
    return bytes(content)
