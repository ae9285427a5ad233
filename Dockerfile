# One target per process; all run as user 65532 and write nothing outside mounted volumes.
#
# Build with `node tools/images/build.ts`, with docker, podman or buildah. It lays out the build context: the Node binary
# that the lock file names, the bundled programs, the package that cannot be bundled, and the agent. No instruction runs a
# program, so a build needs no network, and the base needs no shell: only the C and C++ run-time libraries.
ARG BASE
FROM ${BASE} AS node
COPY node /usr/local/bin/node
ENV NODE_ENV=production
USER 65532:65532

FROM node AS runtime
COPY app/ /app/
WORKDIR /app
# So that `kubectl exec … -- kaap` finds the command line in every process's container.
ENV PATH=/app/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

FROM runtime AS kms
ENTRYPOINT ["/usr/local/bin/node", "dist/processes/kms.js"]

# A young generation that stays small: starting with ten thousand objects makes much garbage.
FROM runtime AS operator
ENTRYPOINT ["/usr/local/bin/node", "--max-semi-space-size=4", "dist/processes/operator.js"]

FROM runtime AS webhook
ENTRYPOINT ["/usr/local/bin/node", "dist/processes/webhook.js"]

FROM runtime AS hsm
ENTRYPOINT ["/usr/local/bin/node", "dist/processes/hsm.js"]

# To try out keys in an HSM without one: its base has SoftHSM2.
FROM hsm AS hsm-softhsm2
ENV SOFTHSM2_CONF=/app/src/hsm/softhsm2.conf

FROM runtime AS xki-proxy
ENTRYPOINT ["/usr/local/bin/node", "dist/processes/xki-proxy.js"]

FROM runtime AS metadata
ENTRYPOINT ["/usr/local/bin/node", "dist/processes/metadata.js"]

FROM runtime AS cli
ENTRYPOINT ["/usr/local/bin/node", "dist/processes/kaap.js"]

# Runs in users' pods: nothing in it but the agent, which brings its own runtime, and the static program.
FROM ${BASE} AS agent
COPY agent/ /
# It computes next to nothing: interpreted, it takes less memory, none of which is both written and executed.
ENV BUN_JSC_useJIT=false
# It collects garbage when it has made some, and not every second.
ENV BUN_GC_TIMER_DISABLE=1
USER 65532:65532
ENTRYPOINT ["/kaap-agent"]
