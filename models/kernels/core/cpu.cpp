// Runs a list of operations in one OpenMP region.
#include "step.h"

#include <omp.h>

using secretariat::Meeting;
using secretariat::Step;
using secretariat::Team;

struct Node {
    void (*operation)(const void *, const Step &, const Team &);
    const void *args;
};

extern "C" void run_program(const Node *nodes, int64_t count, const Step *step, int threads) {
    Meeting meeting;
#pragma omp parallel num_threads(threads)
    {
        const Team team{omp_get_thread_num(), omp_get_num_threads(), &meeting};
        for (int64_t i = 0; i < count; i++) {
            nodes[i].operation(nodes[i].args, *step, team);
            team.barrier();
        }
    }
}
