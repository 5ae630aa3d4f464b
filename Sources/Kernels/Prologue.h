#pragma once

#include "Table.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
