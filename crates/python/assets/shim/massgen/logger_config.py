"""A logger for tools that ask for one. What it is told goes to standard error."""

import logging


class _Logger(logging.LoggerAdapter):
    def success(self, message, *args, **kwargs):
        self.info(message, *args, **kwargs)

    def trace(self, message, *args, **kwargs):
        self.debug(message, *args, **kwargs)


logger = _Logger(logging.getLogger("massgen.tool"), {})
