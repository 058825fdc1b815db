"""A tool of the config custom-tool.yaml."""


def word_count(text: str, limit: int) -> dict:
    """Counts the words of a text, and says whether it is short enough.

    Args:
        text: The text
        limit: How many words it may have
    """
    words = len(text.split())
    return {"words": words, "too_many": max(0, words - limit)}
