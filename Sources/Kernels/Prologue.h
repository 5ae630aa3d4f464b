#pragma once

#include "Table.h"

#include "Elementary.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// Every function with vectors among its arguments is static and inlined or called here alone: no other code's ABI is met.
#pragma clang diagnostic ignored "-Wpsabi"
