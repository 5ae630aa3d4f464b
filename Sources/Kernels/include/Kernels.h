#pragma once

#include "KernelsAugmentation.h"
