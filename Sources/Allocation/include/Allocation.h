#pragma once

// Nothing to call: linked into a program, this target's allocator takes the C library's place.
