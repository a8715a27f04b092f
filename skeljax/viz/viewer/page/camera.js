// A camera that orbits a target; the y axis points up.
const Camera = (() => {
  const FIELD = 32 * Math.PI / 180;

  class Camera {
    constructor() {
      this.turn = 0;  // about y; 0 is the front of a body that faces z
      this.tilt = 0.2;
      this.distance = 4;
      this.target = [0, 1, 0];
    }

    get eye() {
      const flat = Math.cos(this.tilt) * this.distance;
      return [
        this.target[0] + flat * Math.sin(this.turn),
        this.target[1] + this.distance * Math.sin(this.tilt),
        this.target[2] + flat * Math.cos(this.turn),
      ];
    }

    // Computes what `project` needs for a canvas of this size.
    aim(width, height) {
      const [st, ct] = [Math.sin(this.turn), Math.cos(this.turn)];
      const [su, cu] = [Math.sin(this.tilt), Math.cos(this.tilt)];
      this.right = [ct, 0, -st];
      this.up = [-su * st, cu, -su * ct];
      this.back = [cu * st, su, cu * ct];
      this.at = this.eye;
      this.focal = Math.min(height, width * 1.15) / 2 / Math.tan(FIELD / 2);
      this.middle = [width / 2, height / 2];
    }

    // Returns [x, y, depth] in pixels and meters; a meter at that depth is `scale(depth)` pixels.
    project(x, y, z) {
      const [dx, dy, dz] = [x - this.at[0], y - this.at[1], z - this.at[2]];
      const dot = axis => axis[0] * dx + axis[1] * dy + axis[2] * dz;
      const depth = -dot(this.back);
      const scale = this.scale(depth);
      return [this.middle[0] + scale * dot(this.right), this.middle[1] - scale * dot(this.up), depth];
    }

    scale(depth) {
      return this.focal / Math.max(depth, 0.05);
    }

    rotate(turn, tilt) {
      this.turn += turn;
      this.tilt = Math.min(Math.PI / 2 - 0.01, Math.max(-0.25, this.tilt + tilt));
    }

    near(factor, size) {
      this.distance = Math.min(30 * size, Math.max(0.6 * size, this.distance * factor));
    }

    // Moves the target parallel to the image plane, in pixels.
    shift(x, y) {
      const meters = 1 / this.scale(this.distance);
      for (let i = 0; i < 3; i++)
        this.target[i] += meters * (y * this.up[i] - x * this.right[i]);
    }
  }

  return Camera;
})();
