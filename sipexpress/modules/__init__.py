"""The modules: SER's functions, one room each. A router binds them with `use()`."""

from sipexpress.modules.maxfwd import Maxfwd
from sipexpress.modules.registrar import Registrar
from sipexpress.modules.rr import Rr
from sipexpress.modules.sl import Sl
from sipexpress.modules.tm import Tm
from sipexpress.modules.usrloc import Usrloc

__all__ = ["Maxfwd", "Registrar", "Rr", "Sl", "Tm", "Usrloc"]
