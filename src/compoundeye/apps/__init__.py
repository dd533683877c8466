"""Applications, one folder an industry; sibling folders use the same file names.

Guarantee: an application is found by its name, and none is imported before it is asked for. Cost: nothing until then.
Limit: those of the table below.
"""

from compoundeye.apps._table import APPLICATIONS, application

__all__ = ["APPLICATIONS", "application"]
