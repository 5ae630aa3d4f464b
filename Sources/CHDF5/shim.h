// HDF5's predefined types and property list classes are macros that Swift cannot see: one function each.
#include <hdf5.h>
#include <stdlib.h>
#include <string.h>

static inline hid_t chdf5_native_float(void) { return H5T_NATIVE_FLOAT; }
static inline hid_t chdf5_native_double(void) { return H5T_NATIVE_DOUBLE; }
static inline hid_t chdf5_native_int8(void) { return H5T_NATIVE_INT8; }
static inline hid_t chdf5_native_uint8(void) { return H5T_NATIVE_UINT8; }
static inline hid_t chdf5_native_int16(void) { return H5T_NATIVE_INT16; }
static inline hid_t chdf5_native_int32(void) { return H5T_NATIVE_INT32; }
static inline hid_t chdf5_native_int64(void) { return H5T_NATIVE_INT64; }
static inline hid_t chdf5_c_string(void) { return H5T_C_S1; }
static inline hid_t chdf5_dataset_create(void) { return H5P_DATASET_CREATE; }
static inline hid_t chdf5_group_create(void) { return H5P_GROUP_CREATE; }
static inline hid_t chdf5_file_create(void) { return H5P_FILE_CREATE; }
static inline hid_t chdf5_file_access(void) { return H5P_FILE_ACCESS; }
static inline hid_t chdf5_link_create(void) { return H5P_LINK_CREATE; }

static inline unsigned chdf5_open_read_only(void) { return H5F_ACC_RDONLY; }
static inline unsigned chdf5_create_new(void) { return H5F_ACC_EXCL; }
static inline size_t chdf5_variable_length(void) { return H5T_VARIABLE; }

// The errno of the system call that the last call to the library failed for; 0 when its errors name none. The library's own
// cleaning up may have changed errno since.
static herr_t chdf5_note_errno(unsigned place, const H5E_error2_t *error, void *found) {
  (void)place;
  const char *text = error->desc ? strstr(error->desc, "errno = ") : NULL;
  if (text && *(int *)found == 0) *(int *)found = atoi(text + 8);
  return 0;
}
static inline int chdf5_system_error(void) {
  int found = 0;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, chdf5_note_errno, &found);
  return found;
}
