"""What people look at: static pages now, live pages and a REST API later.

Guarantee: a page is one file that asks nothing of any network and runs no markup or script from a file name, a
caption or EXIF. Cost: about 15 KB a picture shown. Limit: a page is for hundreds of pictures, not for millions;
choose them with a condition.
"""

from compoundeye.console._gallery import gallery

__all__ = ["gallery"]
