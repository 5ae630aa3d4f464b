#pragma once

/// Confines this process for the rest of its life, as far as the kernel can: it may read the file `readable`, work with
/// ordinary files below the folder `writable`, and use what it has open; it may not open anything else, start programs or
/// processes, or use sockets. To be called before there are threads.
///
/// Returns a sum of what is in force: 1 for files (Landlock), 2 for system calls (seccomp).
int confinement_enter(const char *readable, const char *writable);
