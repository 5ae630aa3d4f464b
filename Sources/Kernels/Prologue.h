#pragma once

#include "Table.h"

#include "Elementary.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
