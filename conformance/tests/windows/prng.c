/* The one function of bcryptprimitives.dll that Rust's standard library asks for: Wine 8 does
 * not have it. For the folder of the test only. */
#include <windows.h>

BOOLEAN NTAPI SystemFunction036(PVOID buffer, ULONG length);

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE buffer, SIZE_T length) {
  return SystemFunction036(buffer, (ULONG)length);
}
