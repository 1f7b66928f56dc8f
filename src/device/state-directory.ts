// Where init keeps the little that it has to remember from one boot to the next.

export const STATE_DIRECTORY = '/perm/tskrazy';
