"""Marks of tool functions."""


def context_params(*names):
    """Marks parameters that come from the surroundings of a call (messages, agent_id, prompt, ...), not from the model."""

    def mark(function):
        function.__context_params__ = set(names)
        return function

    return mark
