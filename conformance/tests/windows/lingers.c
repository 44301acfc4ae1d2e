/* An adapter that never answers, reads nothing, and starts one that does the same. */
#include <windows.h>

int main(int count, char **words) {
  (void)words;
  if (count < 2) {
    STARTUPINFOA how = {sizeof how};
    PROCESS_INFORMATION it;
    char self[MAX_PATH], line[MAX_PATH + 16];
    GetModuleFileNameA(NULL, self, MAX_PATH);
    wsprintfA(line, "\"%s\" again", self);
    if (!CreateProcessA(NULL, line, NULL, NULL, FALSE, 0, NULL, NULL, &how, &it)) return 1;
  }
  Sleep(INFINITE);
  return 0;
}
