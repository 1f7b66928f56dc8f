// Crashes a moment after each start.

setTimeout(() => {
  throw new Error('as planned');
}, 200);
