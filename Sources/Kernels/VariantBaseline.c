#include "Prologue.h"


#define VECTOR_BYTES 16
#define TABLE kernel_table_baseline

#include "Families.h"

