/* A library must hold something: some archivers do not make an empty one. */
typedef int fieldproof_nothing;
