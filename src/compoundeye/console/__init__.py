"""What people look at: pages and a REST API over everything else, and a corpus as one static page.

Guarantee: a page asks nothing of any other network and runs no markup or script from a file name, a caption or EXIF;
a server is open on loopback alone, elsewhere it demands a password or token, and it changes nothing for another site.
Cost: a server of about 190 MB and what it keeps of the corpora looked at; about 15 KB a picture of a static page.
Limit: one process a server; whoever has signed in may do all that it offers; a static page is for hundreds of pictures.
"""

from compoundeye.console._access import Access
from compoundeye.console._gallery import gallery
from compoundeye.console._rules import access_rules
from compoundeye.console._serve import serve
from compoundeye.console._served import Served

__all__ = ["Access", "Served", "access_rules", "gallery", "serve"]
